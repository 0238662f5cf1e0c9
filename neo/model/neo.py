"""The model: a frozen base, an adapter on its linear layers, and new rows. Embeds, runs, scores.

Two kinds of score, used alike in training and decoding: a word or control token is scored by a softmax over the base
vocabulary and the control tokens; a code by a softmax over its own level's rows alone. A beam's score is the sum of
its codes' log-probabilities, unnormalised by the trie: masking comes after the softmax.
"""

import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from torch.nn import functional as F

from neo.errors import SettingInvalid
from neo.model.adapters import Adapter, AdapterConfig, joined
from neo.model.product import Product
from neo.model.rows import NewRows
from neo.sids.store import SidBook
from neo.sids.vocabulary import Vocabulary


@dataclass(frozen=True)
class Batch:
    """Conversations side by side, padded on the right."""

    ids: Tensor
    """[batch, tokens]"""
    labels: Tensor
    """[batch, tokens], -100 where nothing is learned."""
    soft: Tensor
    """[soft tokens of all rows in order, encoder width]"""
    spans: Tensor
    """[batch, tokens], 1.0 at the openers and codes of items under construction, else 0.0."""
    message: Tensor
    """[batch, encoder width]"""
    listener: Tensor
    """[batch, encoder width + features], zeros where nothing is known."""

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(getattr(self, part.name).to(device) for part in fields(self)))


class NeoModel(nn.Module):
    """`base` is a causal LM with tied embeddings, frozen; `rows` are trained in every stage, the adapter, or the
    backbone itself, from the second one on."""

    def __init__(self, base, vocabulary: Vocabulary, book: SidBook):
        super().__init__()
        self.base, self.vocabulary = base.requires_grad_(False), vocabulary
        self.rows = NewRows(vocabulary, base.config.hidden_size, book)
        self.core = base.model
        self._whole = False
        self._adapter_config: AdapterConfig | None = None
        self._merged: Adapter | None = None

    @property
    def packed(self) -> bool:
        """Whether the backbone's layers are held in four or eight bits by bitsandbytes."""
        return bool(getattr(self.base, "is_quantized", False))

    @property
    def can_merge(self) -> bool:
        """Whether there is an adapter that the weights beneath can take in: packed ones would be rounded anew."""
        return isinstance(self.core, PeftModel) and not self.packed

    @property
    def words(self) -> Tensor:
        """The base's own embedding rows [base vocabulary, width], input and output alike."""
        return self.base.get_input_embeddings().weight

    def train_backbone(self, config: AdapterConfig | None) -> None:
        """Make the backbone trainable: by an adapter of this kind, or whole."""
        if config is None:
            self.unfreeze()
        else:
            self.add_adapter(config)

    def add_adapter(self, config: AdapterConfig) -> None:
        """Put a fresh LoRA adapter on the backbone, in the backbone's own dtype."""
        self._adapter_config = config
        lora = LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=list(config.targets))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")  # PEFT asks by the old name
            self.core = get_peft_model(self.core, lora, autocast_adapter_dtype=False)

    def add_adapter_above(self, config: AdapterConfig) -> None:
        """Merge the adapter into the weights and put a fresh one of this kind on them; `adapter` is both as one. In as
        many steps a fresh one learns more of what is composed than the old one does (LOG.md)."""
        self._merged = self.adapter()
        self.merge_adapter()
        self.add_adapter(config)

    def adapter(self) -> Adapter | None:
        """The adapter, joined with what was merged beneath it; None if the backbone is trained whole."""
        if self._whole:
            return None
        own = Adapter(self._adapter_config, {name: p.detach().clone() for name, p in self.adapter_parameters().items()})
        return joined(self._merged, own) if self._merged else own

    def base_alone(self) -> AbstractContextManager:
        """While it lasts, the backbone reads without its adapter."""
        return self.core.disable_adapter() if isinstance(self.core, PeftModel) else nullcontext()

    def unfreeze(self) -> None:
        """Train the backbone whole, in place of an adapter; the words' rows stay as they are. Raises SettingInvalid for
        a packed one."""
        if self.packed:
            raise SettingInvalid("a base of 4 or 8 bits cannot be trained whole: name another dtype, or use an adapter")
        self._whole = True
        for parameter in self.adapter_parameters().values():
            parameter.requires_grad_(True)

    def merge_adapter(self) -> None:
        """Fold the adapter into the weights: serving then costs what the base does. Packed ones keep it beside them."""
        if self.can_merge:
            self.core = self.core.merge_and_unload()

    def adapter_parameters(self) -> dict[str, nn.Parameter]:
        """What of the backbone is trained: the adapter, or all but the words' rows."""
        named = dict(self.core.named_parameters())
        if self._whole:
            return {name: p for name, p in named.items() if p is not self.words}
        return {name: p for name, p in named.items() if "lora_" in name}

    def to_dtype(self, dtype: torch.dtype) -> None:
        """Put the weights of the backbone into `dtype`; a packed one has its own. Its buffers stay as they are: rotary
        frequencies rounded to bf16 turn a word at position 250 by up to half a radian too much."""
        if not self.packed:
            for weight in self.base.parameters():
                weight.data = weight.data.to(dtype)

    def embed(
        self,
        ids: Tensor,
        soft: Tensor | None = None,
        rows: Tensor | None = None,
        words: Product | None = None,
    ) -> Tensor:
        """Input rows [..., width] of `ids` [...]; `soft` [soft tokens, encoder width] in the order they stand; `rows`
        are those of the new tokens, computed here if left out, `words` those of the others in place of the base's."""
        size = self.vocabulary.base_size
        new, old = ids >= size, ids.clamp_max(size - 1)
        out = words.rows(old) if words else F.embedding(old, self.words).to(self.rows.control_in.dtype)
        if new.any():
            out = out.clone()
            out[new] = (self.rows.inputs() if rows is None else rows)[ids[new] - size]
        if soft is not None and len(soft):
            listener, message = (self.vocabulary.id(f"{kind}-vector") for kind in ("listener", "message"))
            kinds = ids[(ids == listener) | (ids == message)]
            for id_, kind in ((listener, "listener"), (message, "message")):
                if (kinds == id_).any():
                    out[ids == id_] = self.rows.soft[kind](soft[kinds == id_])
        return out

    def hidden(self, embedded: Tensor, **cache) -> Tensor:
        """Last hidden states [batch, tokens, width] of `embedded`; `cache` goes to the backbone."""
        dtype = self.words.dtype
        return self.core(inputs_embeds=embedded.to(dtype), **cache).last_hidden_state.to(embedded.dtype)

    def text_logits(self, hidden: Tensor, words: Product | None = None) -> Tensor:
        """[n, width] -> [n, base vocabulary + controls], by `words` in place of the base's own rows."""
        scores = words(hidden) if words else (hidden.to(self.words.dtype) @ self.words.T).to(hidden.dtype)
        return torch.cat([scores, hidden @ self.rows.control_out.T], dim=-1)

    def level_logits(self, hidden: Tensor, shortcut: Tensor, outputs: Tensor, type_: str, level: int) -> Tensor:
        """Scores [n, codes of the level] from states [n, width], the shortcut's scores and output rows of all codes."""
        ids = self.vocabulary.level_ids(type_, level)
        first = self.vocabulary.control_ids.stop
        level_ = slice(ids.start - first, ids.stop - first)
        return hidden @ outputs[level_].T + shortcut[:, level_]

    def code_loss(self, hidden: Tensor, shortcut: Tensor, wanted: Tensor, outputs: Tensor) -> Tensor:
        """Summed loss of the codes `wanted` [n], each among its level's. `outputs`: the codes' output rows."""
        total = hidden.new_zeros(())
        for shape in self.vocabulary.types:
            for level in range(shape.levels):
                ids = self.vocabulary.level_ids(shape.name, level)
                here = (wanted >= ids.start) & (wanted < ids.stop)
                if here.any():
                    logits = self.level_logits(hidden[here], shortcut[here], outputs, shape.name, level)
                    total = total + F.cross_entropy(logits, wanted[here] - ids.start, reduction="sum")
        return total

    def code_states(self, batch: "Batch", hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(hidden states, shortcut's scores, ids) of the codes to be written in a batch that was read."""
        here = batch.labels[:, 1:] >= self.vocabulary.control_ids.stop
        written, of = self.rows.written(batch.ids)[:, :-1][here], here.nonzero()[:, 0]
        told = self.rows.shortcut.known.tell(batch.message, batch.listener)
        shortcut = self.rows.shortcut_scores(batch.message, batch.listener, told, of, written)
        return hidden[:, :-1][here], shortcut, batch.labels[:, 1:][here]

    def read(self, batch: "Batch") -> Tensor:
        """Last hidden states [batch, tokens, width] of conversations side by side."""
        condition = self.rows.condition(batch.message, batch.listener)
        embedded = self.embed(batch.ids, batch.soft) + batch.spans[..., None] * condition[:, None]
        return self.hidden(embedded, use_cache=False)

    def loss(self, batch: "Batch") -> tuple[Tensor, Tensor]:
        """Summed losses: of words and controls, of codes. Logits are computed only where there is a label."""
        hidden, labels = self.read(batch), batch.labels[:, 1:]
        is_text = (labels >= 0) & (labels < self.vocabulary.control_ids.stop)
        text = F.cross_entropy(self.text_logits(hidden[:, :-1][is_text]), labels[is_text], reduction="sum")
        return text, self.code_loss(*self.code_states(batch, hidden), self.rows.code_outputs())
