"""Fitting a few parameters over many epochs on rows held in memory: the loop of probe, shortcut and readout."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Fit:
    """How often and how fast. `held_out` is the share of rows that decides which epoch is kept."""

    epochs: int
    batch: int
    rate: float
    decay: float
    held_out: float
    one_cycle: bool = False
    """The rate rises and falls once over all epochs; otherwise it stays."""


def fit(
    parameters: list[nn.Parameter],
    loss_of: Callable[[Tensor], Tensor],
    rows: int,
    config: Fit,
    seed: int,
    progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
) -> tuple[float, float]:
    """Fit `parameters` in place to `loss_of(positions of rows)`; the epoch with the lowest held-out loss is kept.

    Returns the held-out loss (before, after).
    """
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    held, kept = order.tensor_split([max(1, int(rows * config.held_out))])
    optimizer = torch.optim.AdamW(parameters, lr=config.rate, weight_decay=config.decay)
    steps = config.epochs * max(1, -(-len(kept) // config.batch))
    rise = min(0.3, max(0.05, 1.5 / steps))  # to a step between two: it may not end on the first
    schedule = (
        torch.optim.lr_scheduler.OneCycleLR(optimizer, config.rate, total_steps=steps, pct_start=rise)
        if config.one_cycle
        else torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    )
    with torch.no_grad():
        before = best = loss_of(held).item()
    chosen = [p.detach().clone() for p in parameters]
    shuffle = torch.Generator().manual_seed(seed + 1)
    for epoch in range(config.epochs):
        for batch in kept[torch.randperm(len(kept), generator=shuffle)].split(config.batch):
            optimizer.zero_grad()
            loss_of(batch).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            loss = loss_of(held).item()
        progress(epoch + 1, config.epochs, loss)
        if loss < best:
            best, chosen = loss, [p.detach().clone() for p in parameters]
    with torch.no_grad():
        for parameter, value in zip(parameters, chosen, strict=True):
            parameter.copy_(value)
    return before, best
