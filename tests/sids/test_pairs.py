"""Pairs of items that the same listeners hear."""

import tempfile
from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo.sids import pairs
from neo.sids.pairs import Pairs

KEYS = tuple("abcdef")
histories = st.lists(st.lists(st.integers(0, 5), max_size=5, unique=True), max_size=12)


def test_three_listeners_by_hand():
    """a and b go together twice, each once with c: of eight pairs a has three, b three, c two."""
    made = Pairs.of(KEYS[:4], [[0, 1], [1, 0], [0, 2], [2, 1]])
    assert made.counts.toarray().tolist() == [[0, 2, 1, 0], [2, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert made.sums.tolist() == [3, 3, 2, 0]
    of_a, unheard, stranger = made.rows(["a", "d", "z"])
    assert of_a.tolist() == pytest.approx([log(1 / (9 / 8 + 1)), log(3 / (9 / 8 + 1)), log(2 / (6 / 8 + 1)), 0])
    assert not unheard.any() and not stranger.any(), "what nobody heard says nothing, and nothing is said of it"


@given(histories)
def test_who_heard_both_is_counted_both_ways_and_nothing_with_itself(heard):
    made = Pairs.of(KEYS, heard)
    counts = made.counts.toarray()
    assert (counts == counts.T).all() and not counts.diagonal().any()
    assert (made.sums == counts.sum(1)).all()
    for first in range(6):
        for second in range(first):
            assert counts[first, second] == sum({first, second} <= set(items) for items in heard)


@given(histories, st.integers(1, 5))
def test_only_those_heard_most_often_together_are_kept(heard, most):
    whole = Pairs.of(KEYS, heard)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pairs, "MOST", most)
        patched.setattr(pairs, "AT_ONCE", 4)
        cut = Pairs.of(KEYS, heard)
    assert (cut.sums == whole.sums).all(), "what an item has in all is counted before"
    before, after = whole.counts.toarray(), cut.counts.toarray()
    assert (after == after.T).all() and ((after == before) | (after == 0)).all()
    for row in range(6):
        assert sorted(before[row])[::-1][:most] == sorted(after[row])[::-1][:most]


@given(histories)
def test_what_is_saved_is_read_again(heard):
    made = Pairs.of(KEYS, heard)
    with tempfile.TemporaryDirectory() as folder:
        made.save(Path(folder))
        read = Pairs.load(Path(folder))
    assert read.keys == KEYS and np.array_equal(read.rows(KEYS), made.rows(KEYS))


def test_none_are_known_where_none_were_counted(tmp_path):
    Pairs().save(tmp_path)
    assert not list(tmp_path.iterdir())
    assert Pairs.load(tmp_path).rows(["a", "b"]).shape == (2, 0)
