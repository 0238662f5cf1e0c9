from collections.abc import Iterable
from math import log

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neo.model.known import UNKNOWN, KnownItems, Told
from neo.sids.features import Features
from neo.sids.pairs import Pairs
from neo.sids.sid import Sid
from neo.sids.vocabulary import Vocabulary
from neo.wording import LANGUAGES
from tests import tiny

SHAPES = {"audiobook": (2, 4), "show": (3, 5)}
FIRST = {"audiobook": 0, "show": 8}
ONLY = torch.tensor([0])


def known(sids: list[Sid], seed: int = 0, contents=(), tastes=(), pairs: tuple[str, ...] = ()) -> KnownItems:
    """Items of these SIDs with three random features each, and their vectors; `pairs` are known of these keys."""
    book, rng = tiny.book(SHAPES), np.random.default_rng(seed)
    book.assigned = {f"{sid.type}:{at}": (sid, 0) for at, sid in enumerate(sids)}
    values = {key: rng.random(3).astype(np.float32) for key in book.assigned}
    book.features = Features(("fame", "topic:sea", "topic:law"), values)
    book.contents, book.tastes = (dict(zip(values, given, strict=False)) for given in (contents, tastes))
    book.pairs = Pairs.of(pairs, [range(len(pairs))])
    torch.manual_seed(seed)
    made = KnownItems(Vocabulary(100, book.shapes, LANGUAGES), book).eval().requires_grad_(False)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return made


def written(sid: Sid, levels: int) -> torch.Tensor:
    """[1, 3]: the first codes of a SID."""
    codes = [FIRST[sid.type] + level * SHAPES[sid.type][1] + code for level, code in enumerate(sid.codes[:levels])]
    return torch.tensor([codes + [-1] * (3 - levels)])


def asked(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A message's vector and a taste."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(1, size, generator=generator) for size in (tiny.WIDTH, tiny.WIDTH + 3))


sids = st.lists(
    st.one_of(
        st.builds(lambda *codes: Sid("audiobook", codes), *[st.integers(0, 3)] * 2),
        st.builds(lambda *codes: Sid("show", codes), *[st.integers(0, 4)] * 3),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)


def test_two_of_three_by_hand():
    """Scores 0, log 2 and log 5: behind code 1 the first two, of 3 in 8; then 1 and 2 in 3."""
    made = known([Sid("show", codes) for codes in ((1, 0, 0), (1, 0, 2), (4, 3, 1))])
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.bias.copy_(torch.tensor([0, log(2), log(5)]))
    told = made.tell(*asked(0))
    first = made(told, ONLY, torch.full((1, 3), -1))[0, 8:13].exp()
    even, sure = UNKNOWN / 5, 1 - UNKNOWN
    assert first.tolist() == pytest.approx([even, sure * 3 / 8 + even, even, even, sure * 5 / 8 + even])
    last = made(told, ONLY, written(Sid("show", (1, 0, 0)), 2))[0, 18:23].exp()
    assert last.tolist() == pytest.approx([sure / 3 + even, even, sure * 2 / 3 + even, even, even])


def test_likeness_to_what_is_said_and_heard_by_hand():
    """Two shows of one SID's codes but for the last: the message is like the first in its own words, the history like
    the second as listeners move it."""
    sids_, along = [Sid("show", (1, 0, 0)), Sid("show", (1, 0, 2))], np.eye(tiny.WIDTH, dtype=np.float32)
    made = known(sids_, contents=along[:2], tastes=along[2:4])
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.meant[3].bias.fill_(0.3)
        made.alike.fill_(0.1)
    message, taste = torch.zeros(1, tiny.WIDTH), torch.zeros(1, tiny.WIDTH + 3)
    message[0, 0], taste[0, 3] = 0.5, 1.0
    assert made.tell(message, taste).scores[0].tolist() == pytest.approx([20 * 0.3 * 0.5, 20 * 0.1 * 1.0])


def test_what_pairs_say_is_added_to_the_item_it_is_said_of_by_hand():
    """Of three items the second is new since training; of the others pairs say -1 and .5, of one elsewhere 7."""
    sids_ = [Sid("show", codes) for codes in ((1, 0, 0), (1, 0, 2), (4, 3, 1))]
    made = known([sids_[0], sids_[2]], pairs=("show:1", "show:elsewhere", "show:0"))
    made.take_up({sids_[1]: np.zeros(3, np.float32)})
    with torch.no_grad():
        made.counts.weight.zero_()
        made.counts.bias.fill_(log(3))  # a history counts 2 x 3/4
        made.paired.fill_(2.0)
    message, taste = asked(0)
    said = torch.cat([taste, torch.tensor([[0.5, 7.0, -1.0]])], dim=1)
    gained = made.tell(message, said).scores - made.tell(message, taste).scores
    assert gained[0].tolist() == pytest.approx([-3.0, 0.0, 1.5], abs=1e-5)


def test_an_item_whose_own_vector_is_not_known_is_told_by_its_codes():
    made, book = known([Sid("show", (1, 0, 0))]), tiny.book(SHAPES)
    rebuilt = book.quantizers["show"].decode(np.array([[1, 0, 0]]))
    np.testing.assert_allclose(made.table.contents, rebuilt / np.linalg.norm(rebuilt), rtol=1e-5)
    np.testing.assert_allclose(made.table.tastes, rebuilt / np.linalg.norm(rebuilt), rtol=1e-5)


@given(sids, sids, st.integers(0, 99))
def test_what_is_taken_up_scores_as_if_the_book_had_it_with_the_mean_bias_and_all_else_as_before(old, new, seed):
    made, vectors = known(old, seed), asked(seed)
    before = made.tell(*vectors)
    features = {sid: np.random.default_rng(at).random(3).astype(np.float32) for at, sid in enumerate(new)}
    made.take_up(features)
    after, everything = made.tell(*vectors), order({*old, *new})
    assert len(made) == len(everything)
    for sid, score in zip(everything, after.scores[0].tolist(), strict=True):
        if sid in old:
            assert score == pytest.approx(float(before.scores[0, order(old).index(sid)]), abs=1e-4)
        else:
            alone = known([sid])
            alone.load_state_dict({**made.state_dict(), "bias": made.bias.mean()[None]})
            alone.table.features[0] = torch.from_numpy(features[sid])
            assert score == pytest.approx(float(alone.tell(*vectors).scores), abs=1e-4)
    assert len(before.table) == len(old), "what was told goes on with the items that it began with"
    made.take_up({})
    assert torch.equal(made.tell(*vectors).scores, before.scores), "in place of those that were taken up before"


def order(sids_: Iterable[Sid]) -> list[Sid]:
    """As a table holds them."""
    return sorted(sids_, key=lambda sid: (sid.type, sid.codes))


@given(sids, st.integers(0, 99))
def test_the_chances_of_a_levels_codes_sum_to_one_and_no_other_code_gains(sids, seed):
    made, sid = known(sids, seed), sids[seed % len(sids)]
    for level in range(SHAPES[sid.type][0]):
        added = made(made.tell(*asked(seed)), ONLY, written(sid, level))[0]
        codes = SHAPES[sid.type][1]
        column = FIRST[sid.type] + level * codes
        assert float(added[column : column + codes].exp().sum()) == pytest.approx(1, abs=1e-5)
        others = [column_ for column_ in range(len(added)) if not column <= column_ < column + codes]
        assert level == 0 or not added[others].any()


@given(sids, st.integers(0, 99))
def test_along_the_codes_an_item_has_the_chance_that_a_softmax_over_its_type_gives_it(sids, seed):
    made, sid = known(sids, seed), sids[seed % len(sids)]
    message, taste = asked(seed)
    scores = made.tell(message, taste).scores[0].double()
    order = sorted((sid for sid in sids), key=lambda sid: (sid.type, sid.codes))
    own = torch.tensor([other.type == sid.type for other in order])
    plain = torch.softmax(scores.masked_fill(~own, -torch.inf), 0)[order.index(sid)]
    along, codes = 1.0, SHAPES[sid.type][1]
    for level, code in enumerate(sid.codes):
        added = made(made.tell(message, taste), ONLY, written(sid, level))[0]
        chance = added[FIRST[sid.type] + level * codes + code].double().exp()
        along *= float((chance - UNKNOWN / codes) / (1 - UNKNOWN))
    assert along == pytest.approx(float(plain), rel=1e-3, abs=1e-6)


def test_a_code_that_no_known_item_has_can_still_be_written():
    made = known([Sid("show", (1, 0, 0))])
    unheard_of = made(made.tell(*asked(0)), ONLY, written(Sid("show", (2, 2, 2)), 2))[0, 18:23]
    assert unheard_of.exp().tolist() == pytest.approx([1 / 5] * 5), "behind codes that no item has all are alike"


def test_without_features_nothing_is_added():
    book = tiny.book(SHAPES)
    book.assigned = {"show:a": (Sid("show", (1, 0, 0)), 0)}
    made = KnownItems(Vocabulary(100, book.shapes, LANGUAGES), book)
    told = made.tell(*asked(0))
    assert not made(told, ONLY, torch.full((1, 3), -1)).any()
    assert told.of_types.tolist() == [[0.0, 0.0]]
    made.take_up({Sid("show", (1, 0, 0)): np.zeros(0, np.float32)})
    assert not len(made), "nothing was learned by which it could be told"


def test_many_are_read_as_each_alone():
    made = known([Sid("show", (1, 0, 0)), Sid("show", (1, 3, 0)), Sid("audiobook", (2, 2))])
    rows = torch.cat(
        [written(Sid("show", (1, 0, 0)), 1), written(Sid("audiobook", (2, 2)), 1), written(Sid("show", (1, 0, 0)), 0)]
    )
    messages, tastes = (torch.cat(pair) for pair in zip(asked(1), asked(2), asked(3), strict=True))
    told = made.tell(messages, tastes)
    for order in ([0, 1, 2], [2, 0, 0]):
        together = made(told, torch.tensor(order), rows)
        for at, of in enumerate(order):
            alone = made.tell(messages[of : of + 1], tastes[of : of + 1])
            assert torch.allclose(together[at], made(alone, ONLY, rows[at : at + 1])[0], atol=1e-5)


def test_the_types_by_hand():
    """Two shows of scores log 2 and log 3, an audiobook of log 10."""
    made = known([Sid("show", (1, 0, 0)), Sid("show", (1, 3, 0)), Sid("audiobook", (2, 2))])
    scores = torch.tensor([[log(10), log(2), log(3)]])  # in the order of types, then of codes
    assert Told(made.table, scores, scores).of_types[0].tolist() == pytest.approx([log(10), log(5)])
