"""Weights that multiply rows: as they are, or in eight bits, which is half of what bf16 takes in memory and in time."""

import torch
from torch import Tensor
from torch.nn import functional as F

FEW = 4  # rows up to which weights of eight bits are faster as they are


class Product:
    """A weight [out, in] that multiplies rows in its dtype. `light` keeps it in eight bits with a scale an output row,
    rounded to nearest: a few rows are multiplied as they are, in bf16, for more of them the weight is widened first,
    which costs a tenth of the product."""

    def __init__(self, weight: Tensor, light: bool = False):
        self.weight, self._dtype, self._scale = weight, weight.dtype, None
        if light:
            self._scale = (weight.detach().float().abs().amax(1).clamp_min(1e-8) / 127).bfloat16()
            self.weight = (weight.detach().float() / self._scale.float()[:, None]).round().clamp(-127, 127).char()

    def rows(self, at: Tensor) -> Tensor:
        """The weight's rows `at` [n] -> [n, in] in fp32."""
        rows = self.weight[at].float()
        return rows if self._scale is None else rows * self._scale[at, None]

    def __call__(self, rows: Tensor) -> Tensor:
        """`rows` [n, in] -> [n, out], both in fp32."""
        light = self._scale is not None
        if light and len(rows) <= FEW:
            return torch._weight_int8pack_mm(rows.bfloat16(), self.weight, self._scale).float()
        rows, weight = rows.to(self._dtype), self.weight.to(self._dtype)
        product = (torch.mv(weight, rows[0])[None] if len(rows) == 1 else F.linear(rows, weight)).float()
        return product * self._scale if light else product


def product_of(light: bool, *layers: torch.nn.Module) -> Product:
    """By the layers' weights one below the other; each layer's own becomes its part of them, or nothing."""
    together = torch.cat([layer.weight.detach() for layer in layers])
    parts = [together.new_empty(0)] * len(layers) if light else together.split([len(each.weight) for each in layers])
    for layer, part in zip(layers, parts, strict=True):
        layer.weight = torch.nn.Parameter(part, requires_grad=False)
    return Product(together, light)
