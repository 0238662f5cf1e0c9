"""The shortcut: what it adds by hand, and that it learns how much likeness and which type a message asks for."""

import numpy as np
import pytest
import torch

from neo.sids.sid import Sid
from neo.training.recipe import ShortcutConfig
from neo.training.shortcut import Samples, fit_shortcut
from tests import tiny

BOOK = tiny.book({"show": (2, 8), "audiobook": (2, 8)})


def test_a_fresh_shortcut_adds_nothing():
    rows = fresh().rows
    vector = torch.ones(1, tiny.WIDTH)
    assert not rows.shortcut_scores(vector, vector, vector).any()
    assert not rows.shortcut.types(vector, vector).any()


def test_likeness_by_hand():
    """Likeness counts 20 times .5, nothing is learned: a code's score is ten times its product with the message."""
    rows = fresh().rows
    with torch.no_grad():
        rows.shortcut.asked[3].bias[0] = 0.5
    message, nobody = torch.randn(1, tiny.WIDTH), torch.zeros(1, tiny.WIDTH)
    scores = rows.shortcut_scores(message, nobody, nobody)[0]
    residual = BOOK.quantizers["audiobook"].codebooks[1, 3]
    at = rows.vocabulary.codes(Sid("audiobook", (0, 3)))[1] - rows.vocabulary.control_ids.stop
    assert scores[at].item() == pytest.approx(10 * float(message[0] @ torch.from_numpy(residual)), abs=1e-4)


def test_who_describes_items_is_given_what_is_like_their_words_and_of_the_type_that_was_meant():
    """Descriptions of shows begin with a one, those of audiobooks with a minus one."""
    model, rng = fresh(), np.random.default_rng(0)
    sids = [Sid(("show", "audiobook")[at % 2], tuple(map(int, rng.integers(0, 8, 2)))) for at in range(400)]
    message = np.stack([BOOK.quantizers[sid.type].decode(np.array([sid.codes]))[0] for sid in sids])
    message[:, 0] = [1.0 if sid.type == "show" else -1.0 for sid in sids]
    samples = Samples(message, np.zeros_like(message), sids)
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
