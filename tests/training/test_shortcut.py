"""The shortcut: what it adds by hand, and that it learns how much likeness and which type a message asks for."""

import numpy as np
import pytest
import torch

from neo.sids.features import Features
from neo.sids.sid import Sid
from neo.training.recipe import ShortcutConfig
from neo.training.shortcut import Samples, fit_shortcut
from tests import tiny

BOOK = tiny.book({"show": (2, 8), "audiobook": (2, 8)})


def test_a_fresh_shortcut_adds_nothing():
    rows = fresh().rows
    vector = torch.ones(1, tiny.WIDTH)
    told = rows.shortcut.known.tell(vector, vector)
    assert not rows.shortcut_scores(vector, vector, told, torch.tensor([0]), torch.tensor([[3, -1]])).any()
    assert not rows.shortcut.types(vector, vector).any()


def test_likeness_by_hand():
    """Likeness counts 20 times .5, nothing is learned: a code's score is ten times its product with the message."""
    rows = fresh().rows
    with torch.no_grad():
        rows.shortcut.asked[3].bias[0] = 0.5
    message, nobody = torch.randn(1, tiny.WIDTH), torch.zeros(1, tiny.WIDTH)
    told, nothing = rows.shortcut.known.tell(message, nobody), torch.tensor([[-1, -1]])
    scores = rows.shortcut_scores(message, nobody, told, torch.tensor([0]), nothing)[0]
    residual = BOOK.quantizers["audiobook"].codebooks[1, 3]
    at = rows.vocabulary.codes(Sid("audiobook", (0, 3)))[1] - rows.vocabulary.control_ids.stop
    assert scores[at].item() == pytest.approx(10 * float(message[0] @ torch.from_numpy(residual)), abs=1e-4)


def test_who_describes_items_is_given_what_is_like_their_words_and_of_the_type_that_was_meant():
    """Descriptions of shows begin with a one, those of audiobooks with a minus one."""
    model, rng = fresh(), np.random.default_rng(0)
    sids = [Sid(("show", "audiobook")[at % 2], tuple(map(int, rng.integers(0, 8, 2)))) for at in range(400)]
    message = np.stack([BOOK.quantizers[sid.type].decode(np.array([sid.codes]))[0] for sid in sids])
    message[:, 0] = [1.0 if sid.type == "show" else -1.0 for sid in sids]
    samples = Samples(message, np.zeros_like(message), sids, [()] * len(sids))
    before, after = fit_shortcut(
        model, samples, ShortcutConfig(conversations=0, mixture={}, listeners=0, epochs=20), seed=0
    )
    with torch.no_grad():
        vectors = torch.from_numpy(message), torch.zeros(400, tiny.WIDTH)
        likeness, types = model.rows.shortcut.likeness(*vectors), model.rows.shortcut.types(*vectors)
    names = [shape.name for shape in model.vocabulary.types]
    assert after < before / 2 and likeness.mean() > 0
    assert np.mean([names[row] == sid.type for row, sid in zip(types.argmax(1).tolist(), sids, strict=True)]) > 0.95


def fresh():
    """A tiny model whose shortcut is as a new one is."""
    model, _ = tiny.model(BOOK)
    torch.nn.init.zeros_(model.rows.shortcut.straight.weight)
    return model


def test_whose_items_share_a_topic_is_given_more_of_it_but_nothing_that_they_heard():
    """Shows are of one of two topics, and nothing in their codes tells which."""
    rng = np.random.default_rng(0)
    book = tiny.book({"show": (2, 8), "audiobook": (2, 8)})
    sids = [Sid("show", (at // 8, at % 8)) for at in range(40)]
    book.assigned = {f"show:{at}": (sid, 0) for at, sid in enumerate(sids)}
    topics = rng.integers(0, 2, 40)
    values = {f"show:{at}": np.eye(3, dtype=np.float32)[1 + topics[at]] for at in range(40)}
    book.features = Features(("fame", "topic:law", "topic:sea"), values)
    model, _ = tiny.model(book)
    torch.nn.init.zeros_(model.rows.shortcut.straight.weight)
    told, next_, listener = [], [], []
    for _ in range(1500):
        heard = rng.permutation(np.flatnonzero(topics == rng.integers(0, 2)))[:3]
        told.append(tuple(f"show:{at}" for at in heard[:2]))
        next_.append(sids[heard[2]])
        listener.append(np.concatenate([np.zeros(tiny.WIDTH), np.mean([values[key] for key in told[-1]], axis=0)]))
    message, listener = np.zeros((1500, tiny.WIDTH), np.float32), np.array(listener, np.float32)
    config = ShortcutConfig(conversations=0, mixture={}, listeners=0, epochs=1, item_epochs=15, rate=1e-2)
    fit_shortcut(model, Samples(message, listener, next_, told), config, seed=0)
    known = model.rows.shortcut.known
    with torch.no_grad():
        taste = torch.zeros(1, tiny.WIDTH + 3)
        taste[0, tiny.WIDTH + 2] = 1
        chances = torch.diff(known.tell(torch.zeros(1, tiny.WIDTH), taste).chances)[0]
        of_sea = torch.tensor([values[key][2] for key in sorted(values, key=lambda key: sids[int(key[5:])].codes)])
        assert float(chances @ of_sea.double()) > 0.95
        first = torch.tensor([known.at(["show:0"])])
        without = torch.diff(known.tell(torch.zeros(1, tiny.WIDTH), taste, first).chances)[0]
        assert float(without[first]) < 1e-9
