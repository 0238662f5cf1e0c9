"""The first stage: the shortcut from encoder vectors to codes, fitted without the backbone.

A sample is a message's vector, a listener's, and the item that answers them. No token is read, so ten thousand
samples cost what ten do in the other stages. What the vectors say is then known before the backbone learns, and the
backbone's own part is what words and plan add. The shortcut stays as it is afterwards.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neo.model.neo import NeoModel
from neo.sids.sid import Sid
from neo.training.fitting import Fit, fit


@dataclass(frozen=True)
class Samples:
    """`message` and `listener` [n, encoder width]; `sids` [n] are the items that answer them."""

    message: np.ndarray
    listener: np.ndarray
    sids: list[Sid]

    def __len__(self) -> int:
        return len(self.sids)


def fit_shortcut(
    model: NeoModel, samples: Samples, epochs: int, seed: int, progress=lambda done, total, loss: None
) -> tuple[float, float]:
    """Fit the shortcut in place; returns the held-out loss a code (before, after)."""
    message, listener, ids = _tensors(model, samples)
    return fit(
        list(model.rows.shortcut.parameters()),
        lambda rows: _loss(model, message[rows], listener[rows], ids[rows]),
        len(samples),
        Fit(epochs, batch=512, rate=3e-3, decay=0.05, held_out=0.05, one_cycle=True),
        seed,
        progress,
    )


def _tensors(model: NeoModel, samples: Samples) -> tuple[Tensor, Tensor, Tensor]:
    """The samples' vectors, and their codes as ids [n, most levels], -1 where a type has fewer."""
    levels = max(shape.levels for shape in model.vocabulary.types)
    ids = torch.full((len(samples), levels), -1)
    for row, sid in enumerate(samples.sids):
        codes = model.vocabulary.codes(sid)
        ids[row, : len(codes)] = torch.tensor(codes)
    device = model.words.device
    return torch.from_numpy(samples.message).to(device), torch.from_numpy(samples.listener).to(device), ids.to(device)


def _loss(model: NeoModel, message: Tensor, listener: Tensor, ids: Tensor) -> Tensor:
    """Mean cross-entropy of all codes, each behind the codes before it."""
    rebuilt = model.rows.prefixes(ids)
    before = torch.cat([torch.zeros_like(rebuilt[:, :1]), rebuilt[:, :-1]], dim=1)
    here = ids >= 0
    row = here.nonzero()[:, 0]
    scores = model.rows.shortcut_scores(message[row], listener[row], before[here])
    nothing = scores.new_zeros(len(scores), 1)
    outputs = scores.new_zeros(scores.shape[1], 1)
    return model.code_loss(nothing, scores, ids[here], outputs) / len(scores)
