"""The first stage: the shortcut from encoder vectors to codes, fitted without the backbone.

A sample is a message's vector, a listener's, and the item that answers them. No token is read, so ten thousand
samples cost what ten do in the other stages. What the vectors say is then known before the backbone learns, and the
backbone's own part is what words and plan add. The shortcut stays as it is afterwards.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from neo.model.neo import NeoModel
from neo.sids.sid import Sid
from neo.training.fitting import Fit, fit
from neo.training.recipe import ShortcutConfig


@dataclass(frozen=True)
class Samples:
    """`message` and `listener` [n, encoder width]; `sids` [n] are the items that answer them."""

    message: np.ndarray
    listener: np.ndarray
    sids: list[Sid]

    def __len__(self) -> int:
        return len(self.sids)


def fit_shortcut(
    model: NeoModel, samples: Samples, config: ShortcutConfig, seed: int, progress=lambda done, total, loss: None
) -> tuple[float, float]:
    """Fit what of the shortcut requires a gradient, in place; returns the held-out loss (before, after).

    The loss is that of a code plus that of the item's type. Draws from torch's global generator."""
    message, listener, ids, types = _tensors(model, samples)
    shortcut = model.rows.shortcut.train()
    torch.manual_seed(seed)

    def loss(rows: Tensor) -> Tensor:
        said = message[rows]
        if torch.is_grad_enabled():  # another would have said it differently
            said = said + config.noise * torch.rand_like(said[:, :1]) * torch.randn_like(said) / said.shape[1] ** 0.5
        return _loss(model, said, listener[rows], ids[rows], types[rows])

    losses = fit(
        [parameter for parameter in shortcut.parameters() if parameter.requires_grad],
        loss,
        len(samples),
        Fit(config.epochs, batch=512, rate=config.rate, decay=0.05, held_out=0.05, one_cycle=True),
        seed,
        progress,
    )
    shortcut.eval()
    return losses


def _tensors(model: NeoModel, samples: Samples) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The samples' vectors, their codes as ids [n, most levels], -1 where a type has fewer, and types [n]."""
    levels = max(shape.levels for shape in model.vocabulary.types)
    ids = torch.full((len(samples), levels), -1)
    for row, sid in enumerate(samples.sids):
        codes = model.vocabulary.codes(sid)
        ids[row, : len(codes)] = torch.tensor(codes)
    names = [shape.name for shape in model.vocabulary.types]
    types = torch.tensor([names.index(sid.type) for sid in samples.sids])
    vectors = torch.from_numpy(samples.message), torch.from_numpy(samples.listener)
    return tuple(tensor.to(model.words.device) for tensor in (*vectors, ids, types))


def _loss(model: NeoModel, message: Tensor, listener: Tensor, ids: Tensor, types: Tensor) -> Tensor:
    """Mean cross-entropy of all codes, each behind the codes before it, plus that of the types."""
    rebuilt = model.rows.prefixes(ids)
    before = torch.cat([torch.zeros_like(rebuilt[:, :1]), rebuilt[:, :-1]], dim=1)
    here = ids >= 0
    row = here.nonzero()[:, 0]
    scores = model.rows.shortcut_scores(message[row], listener[row], before[here])
    nothing = scores.new_zeros(len(scores), 1)
    outputs = scores.new_zeros(scores.shape[1], 1)
    codes = model.code_loss(nothing, scores, ids[here], outputs) / len(scores)
    return codes + F.cross_entropy(model.rows.shortcut.types(message, listener), types)
