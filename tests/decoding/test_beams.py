"""A beam search small enough to do on paper."""

import numpy as np
import pytest

from neo.decoding.beams import Unconstrained, search
from neo.decoding.trie import TypeTrie
from neo.errors import NothingAllowed
from neo.sids.sid import Sid
from neo.sids.vocabulary import TypeShape, Vocabulary

VOCABULARY = Vocabulary(10, (TypeShape("show", 2, 3),), ("en",))


class Scripted:
    """A context whose branches are the codes just read: level 0 scores .5 .3 .2, level 1 by the first code."""

    FIRST = np.log([0.5, 0.3, 0.2])
    SECOND = np.log([[0.2, 0.2, 0.6], [0.9, 0.05, 0.05], [0.4, 0.3, 0.3]])

    def __init__(self):
        self.fed: list = []

    def open(self, opener):
        assert opener == VOCABULARY.opener("show")

    def branch(self, ids, ancestors, depth):
        self.fed.append((ids, ancestors, depth))
        self.codes = [VOCABULARY.code(id_)[2] for id_ in ids]

    def code_scores(self, type_, level):
        return self.FIRST[None] if level == 0 else self.SECOND[self.codes]


def test_by_hand():
    """.5*.6=.30 beats .3*.9=.27 beats .5*.2=.10; ties go to the lower code."""
    context = Scripted()
    beams = search(context, VOCABULARY, "show", Unconstrained(VOCABULARY.shape("show")), width=4)
    assert [beam.codes for beam in beams] == [(0, 2), (1, 0), (0, 0), (0, 1)]
    assert np.exp([beam.score for beam in beams]) == pytest.approx([0.30, 0.27, 0.10, 0.10])
    assert context.fed == [([VOCABULARY.level_ids("show", 0)[code] for code in (0, 1, 2)], [(), (), ()], 0)]
    assert beams[1].slots == (1,), "the second beam descends from the second token that was fed"


def test_the_trie_masks_after_the_softmax():
    """Of (0,0) and (1,0) the second wins with .27, unnormalised, though (0,2) would have been best."""
    view = TypeTrie.build("show", [(0, 0), (1, 0)]).everything()
    beams = search(Scripted(), VOCABULARY, "show", view, width=9)
    assert [beam.codes for beam in beams] == [(1, 0), (0, 0)]
    assert np.exp([beam.score for beam in beams]) == pytest.approx([0.27, 0.10])


def test_width_one_is_greedy_and_can_lose():
    view = TypeTrie.build("show", [(0, 0), (1, 0)]).everything()
    assert [beam.codes for beam in search(Scripted(), VOCABULARY, "show", view, width=1)] == [(0, 0)]


def test_nothing_left_is_an_error():
    view = TypeTrie.build("show", [(0, 0)]).everything().without([Sid("show", (0, 0))])
    with pytest.raises(NothingAllowed):
        search(Scripted(), VOCABULARY, "show", view, width=3)
