"""What is heard together moves vectors; what nobody heard, and who is held out, moves nothing."""

import numpy as np
import pytest

from neo.sids import listening
from neo.sids.quantizer import ResidualQuantizer
from neo.sids.sid import Sid
from neo.sids.store import SidBook


def test_a_hand_worked_step():
    """Two items of one listener move towards each other, the third stays."""
    moved = listening.blended(np.eye(3, dtype=np.float32), [[0, 1]], weight=1.0)
    towards = np.array([1 + 0.5**0.5, 0.5**0.5, 0]) / np.hypot(1 + 0.5**0.5, 0.5**0.5)
    np.testing.assert_allclose(moved[0], towards, rtol=1e-6)
    np.testing.assert_allclose(moved[1], towards[[1, 0, 2]], rtol=1e-6)
    np.testing.assert_allclose(moved[2], [0, 0, 1], rtol=1e-6)


@pytest.mark.parametrize("weight", [0.5, 1.0, 4.0])
def test_who_is_heard_together_gets_nearer_and_lengths_stay_one(weight):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    histories = [[2 * n, 2 * n + 1] for n in range(10)] * 3
    moved = listening.blended(vectors, histories, weight)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, rtol=1e-5)
    before, after = ((each[0:20:2] * each[1:20:2]).sum(1) for each in (vectors, moved))
    assert (after > before).all()
    np.testing.assert_allclose(moved[20:], vectors[20:], rtol=1e-5)


def test_without_histories_nothing_is_moved():
    vectors = np.eye(3, dtype=np.float32)
    assert listening.blended(vectors, [], 4.0) is vectors


def test_one_listener_in_ten_is_held_out():
    share = np.mean([listening.is_held_out(f"person {n}") for n in range(5000)])
    assert 0.08 < share < 0.12


@pytest.mark.parametrize("name", ["contents", "tastes"])
def test_items_vectors_are_kept_with_the_sids(name, tmp_path):
    vector = np.linspace(-1, 1, 8, dtype=np.float32)
    quantizers = {"show": ResidualQuantizer(np.zeros((2, 4, 8), np.float32))}
    SidBook("usem3", quantizers, {"show:a": (Sid("show", (0, 1)), 0)}, **{name: {"show:a": vector}}).save(tmp_path)
    stored = SidBook.load(tmp_path)
    np.testing.assert_allclose(getattr(stored, name)["show:a"], vector, atol=1e-3)
    assert not {"contents": stored.tastes, "tastes": stored.contents}[name]
    SidBook("usem3", quantizers, {}).save(tmp_path / "without")
    assert getattr(SidBook.load(tmp_path / "without"), name) == {}


def test_a_listener_left_out_says_nothing_of_their_own_items():
    """As if the listener had never been there."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(12, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    histories = [[0, 1, 2], [1, 3, 4], [0, 4, 5, 6], [2, 7]]
    together = listening.Together(vectors, histories)
    for out, heard in enumerate(histories):
        others = listening.blended(vectors, histories[:out] + histories[out + 1 :], 2.0)
        np.testing.assert_allclose(together.moved_without(heard, 2.0), others[heard], atol=1e-5)
