"""Reads tokens through the base model's layers behind what was read before: the cache that decoding stands on.

Two ways of reading. `Llama` is written out for one conversation at a time: fused products, one cache that grows in
place, and weights of eight bits. `Hub` asks the model as transformers has it, for every other architecture.
"""

from copy import copy
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import DynamicCache

from neo.errors import SettingInvalid
from neo.model.neo import NeoModel
from neo.model.product import product_of

ROOM = 512  # tokens of a new cache; it doubles when it is full


class Backbone(Protocol):
    """What one context has read."""

    length: int
    """Tokens in the cache."""

    def read(self, embedded: Tensor, positions: Tensor, mask: Tensor | None = None) -> Tensor:
        """Last hidden states [n, width] of n more tokens, `embedded` [n, width] at `positions` [n].

        `mask` [n, length + n] is added to the attention's scores; None lets each token see itself and all before.
        """
        ...

    def keep(self, length: int, slots: tuple[int, ...] = ()) -> None:
        """Forget all but the first `length` tokens and, moved up behind them, those at `slots` after them."""
        ...

    def copy(self, length: int) -> "Backbone":
        """The first `length` tokens, at least one, as a cache of its own."""
        ...

    @property
    def bytes(self) -> int:
        """What the cache takes."""
        ...


def backbone_of(model: NeoModel, light: bool = False) -> "Llama | Hub":
    """How to read with `model`, whose adapter is merged; `light`: see `Product`."""
    config = model.base.config
    plain = (config.model_type, getattr(config, "attention_bias", None), getattr(config, "mlp_bias", None))
    rope = getattr(model.core, "rotary_emb", None)
    if model.packed:
        return Hub(model)
    if plain == ("llama", False, False) and config.hidden_act == "silu" and rope.rope_type == "default":
        return Llama(model, light)
    return Hub(model)


class Llama:
    """The layers of a Llama; `start` gives an empty cache. Nothing is held twice: the base's modules become views of
    the fused weights, or lose theirs where they are kept in eight bits."""

    def __init__(self, model: NeoModel, light: bool = False):
        config, core = model.base.config, model.core
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        self.eps, self.width = config.rms_norm_eps, core.layers[0].self_attn.head_dim
        self.frequencies, self.norm = core.rotary_emb.inv_freq.float(), core.norm.weight.float()
        self.layers = [
            (
                layer.input_layernorm.weight.float(),
                product_of(light, layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj),
                product_of(light, layer.self_attn.o_proj),
                layer.post_attention_layernorm.weight.float(),
                product_of(light, layer.mlp.gate_proj, layer.mlp.up_proj),
                product_of(light, layer.mlp.down_proj),
            )
            for layer in core.layers
        ]

    def start(self) -> "LlamaCache":
        return LlamaCache(self)


class LlamaCache:
    def __init__(self, llama: Llama):
        self.llama, self.length = llama, 0
        self.keys, self.values = torch.zeros(
            2, len(llama.layers), llama.groups, ROOM, llama.width, device=llama.norm.device
        )

    def read(self, embedded: Tensor, positions: Tensor, mask: Tensor | None = None) -> Tensor:
        llama, count, length = self.llama, len(embedded), self.length + len(embedded)
        self._make_room(length)
        if mask is None and count > 1:
            mask = torch.full((count, length), -torch.inf, device=embedded.device).triu_(self.length + 1)
        turn, shared = _rotation(positions, llama.frequencies), llama.heads // llama.groups
        hidden = embedded.float()
        for keys, values, (norm1, qkv, out, norm2, gate_up, down) in zip(
            self.keys, self.values, llama.layers, strict=True
        ):
            heads = qkv(_normed(hidden, norm1, llama.eps)).view(count, -1, llama.width)
            turned = _rotated(heads[:, : -llama.groups], *turn)
            keys[:, self.length : length] = turned[:, llama.heads :].transpose(0, 1)
            values[:, self.length : length] = heads[:, -llama.groups :].transpose(0, 1)
            # heads that share keys lie side by side: they are read as rows of one product
            asked = turned[:, : llama.heads].transpose(0, 1).reshape(llama.groups, shared * count, llama.width)
            scores = torch.bmm(asked, keys[:, :length].transpose(1, 2)) * llama.width**-0.5
            if mask is not None:
                scores = (scores.view(llama.groups, shared, count, length) + mask).view(scores.shape)
            mixed = torch.bmm(torch.softmax(scores, -1), values[:, :length])
            mixed = mixed.view(llama.heads, count, llama.width).transpose(0, 1).reshape(count, -1)
            hidden = hidden + out(mixed)
            gate, up = gate_up(_normed(hidden, norm2, llama.eps)).chunk(2, dim=-1)
            hidden = hidden + down(F.silu(gate) * up)
        self.length = length
        return _normed(hidden, llama.norm, llama.eps)

    def keep(self, length: int, slots: tuple[int, ...] = ()) -> None:
        chosen = [length + slot for slot in slots]
        for stored in (self.keys, self.values) if slots else ():
            stored[:, :, length : length + len(slots)] = stored[:, :, chosen]
        self.length = length + len(slots)

    def copy(self, length: int) -> "LlamaCache":
        other = copy(self)
        other.keys, other.values = (stored[:, :, :length].clone() for stored in (self.keys, self.values))
        other.length = length
        return other

    @property
    def bytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    def _make_room(self, length: int) -> None:
        while length > self.keys.shape[2]:
            self.keys, self.values = (torch.cat([old, torch.zeros_like(old)], 2) for old in (self.keys, self.values))


class Hub:
    """Any causal LM of transformers; `start` gives an empty cache."""

    def __init__(self, model: NeoModel):
        if any(getattr(layer, "is_sliding", False) for layer in DynamicCache(config=model.base.config).layers):
            kind = model.base.config.model_type
            raise SettingInvalid(
                f"base model {kind!r} forgets early tokens (sliding window): expected one that keeps all"
            )
        self.model = model

    def start(self) -> "HubCache":
        return HubCache(self.model)


class HubCache:
    def __init__(self, model: NeoModel):
        self.model, self.cache, self.length = model, DynamicCache(config=model.base.config), 0

    def read(self, embedded: Tensor, positions: Tensor, mask: Tensor | None = None) -> Tensor:
        hidden = self.model.hidden(
            embedded[None],
            past_key_values=self.cache,
            position_ids=positions[None],
            attention_mask=None if mask is None else mask[None, None].clamp_min(torch.finfo(mask.dtype).min),
            use_cache=True,
        )
        self.length += len(embedded)
        return hidden[0]

    def keep(self, length: int, slots: tuple[int, ...] = ()) -> None:
        chosen = [length + slot for slot in slots]
        for layer in self.cache.layers:
            layer.keys, layer.values = (
                torch.cat([stored[:, :, :length], stored[:, :, chosen]], dim=2) for stored in (layer.keys, layer.values)
            )
        self.length = length + len(slots)

    def copy(self, length: int) -> "HubCache":
        other = HubCache(self.model)
        for at, layer in enumerate(self.cache.layers):
            other.cache.update(layer.keys[:, :, :length].clone(), layer.values[:, :, :length].clone(), at)
        other.length = length
        return other

    @property
    def bytes(self) -> int:
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self.cache.layers)


def _normed(rows: Tensor, weight: Tensor, eps: float) -> Tensor:
    return F.rms_norm(rows, weight.shape, weight, eps)


def _rotation(positions: Tensor, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines [n, 1, head width] of rotary positions."""
    angles = positions[:, None].float() * frequencies
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([cos, cos], -1)[:, None], torch.cat([-sin, sin], -1)[:, None]


def _rotated(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Heads [n, heads, head width] turned by their positions."""
    return heads * cos + heads.roll(heads.shape[-1] // 2, -1) * sin
