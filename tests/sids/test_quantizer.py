import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neo.sids import quantizer as quantizer_module
from neo.sids.build import assign, build_type, stats
from neo.sids.quantizer import ResidualQuantizer
from neo.sids.sid import Sid


def test_residual_k_means_by_hand():
    """0, 1, 10, 11 on a line: the first level finds .5 and 10.5, the second what is left, -.5 and +.5."""
    vectors = np.array([[0.0], [1.0], [10.0], [11.0]])
    quantizer = ResidualQuantizer.fit(vectors, levels=2, codes=2)
    assert sorted(quantizer.codebooks[0].ravel()) == pytest.approx([0.5, 10.5])
    assert sorted(quantizer.codebooks[1].ravel()) == pytest.approx([-0.5, 0.5])
    codes = quantizer.encode(vectors)
    assert codes[0, 0] == codes[1, 0] != codes[2, 0] == codes[3, 0]
    assert codes[0, 1] == codes[2, 1] != codes[1, 1] == codes[3, 1]
    assert quantizer.decode(codes).ravel() == pytest.approx([0, 1, 10, 11])


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(1, 8), st.integers(0, 1000))
def test_more_levels_never_rebuild_worse(items, levels, codes, seed):
    vectors = np.random.default_rng(seed).normal(size=(items, 6)).astype(np.float32)
    quantizer = ResidualQuantizer.fit(vectors, levels, codes)
    found = quantizer.encode(vectors)
    errors = [((vectors - quantizer.decode(found[:, : level + 1])) ** 2).sum() for level in range(levels)]
    assert all(after <= before + 1e-3 for before, after in zip(errors, errors[1:], strict=False))
    assert found.min() >= 0 and found.max() < codes


def test_the_popular_item_is_canonical_and_nothing_is_lost():
    """Six equal vectors, a last level of two codes: all stay, in order of popularity, some as alternatives."""
    vectors = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (6, 1))
    quantizer = ResidualQuantizer(np.array([[[1.0, 0.0]] * 2, [[0.0, 0.0], [0.1, 0.0]]], dtype=np.float32))
    popularity = np.array([1, 5, 2, 4, 3, 0])
    sids, ranks = assign("show", quantizer, vectors, popularity)
    first, second = Sid("show", (0, 0)), Sid("show", (0, 1))
    assert sids[1] == first and ranks[1] == 0, "the most popular takes the nearest code"
    assert sids[3] == second and ranks[3] == 0, "the next one moves to the next nearest"
    assert [sid for sid in sids if sid not in (first, second)] == []
    assert sorted(ranks) == [0, 0, 1, 2, 3, 4]


def test_shape_is_chosen_by_size_and_stats_are_sane():
    vectors = np.random.default_rng(0).normal(size=(150, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    built = build_type("show", vectors, np.ones(150))
    measured = stats(built, vectors)
    assert measured.items == 150 and measured.collision_rate <= 0.02
    assert measured.coherence > measured.baseline
    assert 0.5 < measured.ceiling <= 1


def units(items, width, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(items, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_stats_are_what_all_pairs_give(monkeypatch):
    monkeypatch.setattr(quantizer_module, "AT_ONCE", 7)
    vectors = units(90, 8)
    built = build_type("show", vectors, np.ones(90), (2, 8))
    codes = np.array([sid.codes for sid in built.sids])
    rebuilt = built.quantizer.decode(codes)
    rebuilt /= np.linalg.norm(rebuilt, axis=1, keepdims=True)
    cosine, alike = vectors @ vectors.T, codes[:, None, 0] == codes[None, :, 0]
    np.fill_diagonal(alike, False)
    scores = vectors @ rebuilt.T
    better = (scores > np.diag(scores)[:, None] + 1e-6).sum(1)
    measured = stats(built, vectors)
    assert measured.coherence == pytest.approx(cosine[alike].mean(), abs=1e-5)
    assert measured.baseline == pytest.approx(cosine.mean(), abs=1e-5)
    assert measured.ceiling == pytest.approx((better < 10).mean())


def test_a_file_read_in_parts_gives_the_same_sids_as_an_array(tmp_path, monkeypatch):
    vectors = units(100, 8)
    quantizer = ResidualQuantizer.fit(vectors, 2, 8)
    whole = assign("show", quantizer, vectors, np.arange(100))
    np.save(tmp_path / "vectors.npy", vectors)
    monkeypatch.setattr(quantizer_module, "AT_ONCE", 7)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    assert (ResidualQuantizer.fit(mapped, 2, 8).codebooks == quantizer.codebooks).all()
    assert assign("show", quantizer, mapped, np.arange(100)) == whole


def test_a_sample_teaches_nearly_what_all_vectors_teach(monkeypatch):
    """Twenty tight groups: whoever knows a fifth of the vectors knows the groups."""
    rng = np.random.default_rng(0)
    vectors = (units(20, 8)[rng.integers(0, 20, 2000)] + 0.02 * rng.normal(size=(2000, 8))).astype(np.float32)

    def error(quantizer):
        return ((vectors - quantizer.decode(quantizer.encode(vectors))) ** 2).mean()

    whole = error(ResidualQuantizer.fit(vectors, 2, 32))
    monkeypatch.setattr(quantizer_module, "LEARNED_FROM", 400)
    assert error(ResidualQuantizer.fit(vectors, 2, 32)) < 1.5 * whole
