"""The first stage: the shortcut from encoder vectors to codes, fitted without the backbone.

A sample is a message's vector, a listener's, and the item that answers them. No token is read, so ten thousand
samples cost what ten do in the other stages. What the vectors say is then known before the backbone learns, and the
backbone's own part is what words and plan add. The shortcut stays as it is afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neo.model.neo import NeoModel
from neo.sids.pairs import Pairs
from neo.sids.sid import Sid
from neo.training.fitting import Fit, fit
from neo.training.recipe import ShortcutConfig


@dataclass(frozen=True)
class Samples:
    """`message` [n, encoder width], `listener` [n, encoder width + features]; `sids` [n] are the items that answer
    them, `heard` [n] the keys of those that the listener's vector tells of, heard or named as liked; `pairs`: of
    all items, by the listeners who are among these samples."""

    message: np.ndarray
    listener: np.ndarray
    sids: list[Sid]
    heard: list[tuple[str, ...]]
    pairs: Pairs = field(default_factory=Pairs)

    def __len__(self) -> int:
        return len(self.sids)


def fit_shortcut(
    model: NeoModel, samples: Samples, config: ShortcutConfig, seed: int, progress=lambda done, total, loss: None
) -> tuple[float, float]:
    """Fit what of the shortcut requires a gradient, in place; returns the held-out loss (before, after).

    Known items first and alone: the rest learns what they leave open, where it would else learn in their place what it
    can say less well. The loss is that of a code plus that of the item's type. Draws from torch's global generator."""
    message, listener, ids, types, heard = _tensors(model, samples)
    shortcut = model.rows.shortcut.train()
    torch.manual_seed(seed)

    def loss(rows: Tensor, alone: bool = False) -> Tensor:
        said = message[rows]
        if torch.is_grad_enabled():  # another would have said it differently
            said = said + config.noise * torch.rand_like(said[:, :1]) * torch.randn_like(said) / said.shape[1] ** 0.5
        return _loss(model, said, listener[rows], ids[rows], types[rows], heard[rows], alone)

    def fitted(part: nn.Module, loss: Callable[[Tensor], Tensor], epochs: int) -> tuple[float, float]:
        settings = Fit(epochs, batch=512, rate=config.rate, decay=0.05, held_out=0.05, one_cycle=True)
        parameters = [parameter for parameter in part.parameters() if parameter.requires_grad]
        return fit(parameters, loss, len(samples), settings, seed, progress) if parameters else (0.0, 0.0)

    if len(shortcut.known):
        fitted(shortcut.known, partial(loss, alone=True), config.item_epochs)
    losses = fitted(shortcut, loss, config.epochs)
    shortcut.eval()
    return losses


def _tensors(model: NeoModel, samples: Samples) -> tuple[Tensor, ...]:
    """The samples' vectors, their codes as ids [n, most levels], -1 where a type has fewer, their types [n], and the
    positions of what was heard among the known items [n, most], as many as there are items where there is none."""
    levels = max(shape.levels for shape in model.vocabulary.types)
    ids = torch.full((len(samples), levels), -1)
    for row, sid in enumerate(samples.sids):
        codes = model.vocabulary.codes(sid)
        ids[row, : len(codes)] = torch.tensor(codes)
    names = [shape.name for shape in model.vocabulary.types]
    types = torch.tensor([names.index(sid.type) for sid in samples.sids])
    known = model.rows.shortcut.known
    places = [known.at(keys) for keys in samples.heard]
    heard = torch.full((len(samples), max(map(len, places))), len(known))
    for row, found in enumerate(places):
        heard[row, : len(found)] = torch.tensor(found, dtype=torch.long)
    vectors = torch.from_numpy(samples.message), torch.from_numpy(samples.listener)
    return tuple(tensor.to(model.words.device) for tensor in (*vectors, ids, types, heard))


def _loss(
    model: NeoModel, message: Tensor, listener: Tensor, ids: Tensor, types: Tensor, heard: Tensor, alone: bool
) -> Tensor:
    """Mean cross-entropy of all codes, each behind the codes before it, by known items alone or all of the shortcut;
    plus that of the types."""
    written, known = model.rows.written(ids), model.rows.shortcut.known
    before = torch.cat([torch.full_like(written[:, :1], -1), written[:, :-1]], dim=1)
    here = ids >= 0
    of = here.nonzero()[:, 0]
    told = known.tell(message, listener, heard)
    if alone:
        scores = known(told, of, before[here])
    else:
        scores = model.rows.shortcut_scores(message, listener, told, of, before[here])
    nothing = scores.new_zeros(len(scores), 1)
    outputs = scores.new_zeros(scores.shape[1], 1)
    codes = model.code_loss(nothing, scores, ids[here], outputs) / len(scores)
    return codes + F.cross_entropy(model.rows.type_scores(message, listener, told), types)
