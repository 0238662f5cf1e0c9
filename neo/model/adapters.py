"""LoRA adapters as values: what they are, and two of them, one above the other, as one."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

A, B = ".lora_A.", ".lora_B."
"""In the names of an adapter's two matrices: [rank, width in] and [width out, rank]."""


@dataclass(frozen=True)
class AdapterConfig:
    """LoRA on these linear layers of the base: four of the seven train at 1.7 times the speed of all."""

    rank: int = 32
    alpha: int = 32
    targets: tuple[str, ...] = ("q_proj", "v_proj", "o_proj", "down_proj")

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


@dataclass(frozen=True)
class Adapter:
    """What an adapter adds to a layer is its scale times B times A."""

    config: AdapterConfig
    parameters: dict[str, Tensor]
    """By their names in the backbone."""


@torch.no_grad()
def joined(below: Adapter, above: Adapter) -> Adapter:
    """One adapter in place of two on the same layers or on more, of the rank and the layers of `above`, which has all
    layers of `below`; of that rank it is the nearest to their sum (Eckart and Young 1936). Its scale is 1."""
    made = {}
    for name, first in above.parameters.items():
        if A not in name:
            continue
        other = name.replace(A, B)
        parts = [part for part in (below, above) if name in part.parameters]
        into = torch.cat([part.parameters[name].float() for part in parts])
        out = torch.cat([part.config.scale * part.parameters[other].float() for part in parts], dim=1)
        # Their product is never made: both factors are thin.
        left, upper = torch.linalg.qr(out)
        right, lower = torch.linalg.qr(into.T)
        u, sizes, v = torch.linalg.svd(upper @ lower.T)
        kept = sizes[: above.config.rank].sqrt()
        made[name] = (kept[:, None] * v[: len(kept)] @ right.T).to(first.dtype)
        made[other] = (left @ u[:, : len(kept)] * kept).to(first.dtype)
    return Adapter(replace(above.config, alpha=above.config.rank), made)
