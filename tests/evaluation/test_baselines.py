"""What the model is measured against is right itself."""

from collections import Counter

import numpy as np
import pytest

from neo.evaluation.baselines import Bm25, CoListening, Popularity, SequenceModel, ranked


def test_bm25_by_hand():
    """Two documents of two words: "sea" stands in one, once, so idf = ln(1 + 1.5/1.5) and tf = 2.2 / 2.2."""
    bm25 = Bm25([Counter(["sea", "ship"]), Counter(["war", "ship"])])
    assert bm25.score(Counter(["sea"])) == pytest.approx([np.log(2), 0.0])
    assert bm25.score(Counter(["nothing"])).tolist() == [0, 0]
    both = bm25.score(Counter(["ship"]))
    assert both[0] == both[1] > 0, "what all have tells nothing apart"


def test_a_sequence_model_learns_what_follows():
    """Listeners hear 0 1 2 3 ... in turn: after 4 comes 5."""
    histories = [[(start + step) % 10 for step in range(6)] for start in range(10)] * 20
    model = SequenceModel(histories, 10, epochs=8)
    assert ranked(model.score([2, 3, 4]), np.ones(10, bool), 1) == [5]


def test_popularity_and_co_listening_count():
    histories = [[0, 1], [0, 1], [0, 2]]
    assert Popularity(histories, 3).score([]).tolist() == [3, 2, 1]
    together = CoListening(histories, 3).score([0])
    assert together[1] > together[2] > together[0] == 0


def test_ranked_leaves_out_what_is_not_allowed():
    assert ranked(np.array([3.0, 2.0, 1.0]), np.array([False, True, True]), 5) == [1, 2]
