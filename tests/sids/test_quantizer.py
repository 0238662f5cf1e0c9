import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
