"""Runs a trained model token by token over a key-value cache: prefill, extend, crop, and branch for beams.

Branching. All beams of a level are fed as one sequence of sibling tokens behind the shared context: each has the same
position and a mask that shows it the context, its own ancestors and itself. Nothing is repeated or reordered; when a
beam wins, its ancestors' entries move up and the others are dropped.

Reading ahead. Replies copy much of what stands before them: facts, titles, names. Where the latest words stood before,
the words that followed them then are read together with the next one, in one pass, and are there at once if they come.
What is written is the same; Saxena (2023) calls it prompt lookup decoding.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from neo.errors import NotFinite
from neo.model.backbone import Backbone, Llama, backbone_of
from neo.model.known import Told
from neo.model.neo import NeoModel
from neo.model.prefixes import Prefixes
from neo.model.product import FEW, product_of

AHEAD = 6  # words read ahead; with weights of eight bits as many as are read fast with the word they follow
ALIKE = 2  # latest words that must have stood before


@dataclass(frozen=True)
class Arithmetic:
    """How the backbone computes."""

    dtype: torch.dtype = torch.float32
    light: bool = False
    """With weights of eight bits."""

    def __str__(self) -> str:
        name = str(self.dtype).removeprefix("torch.")
        return f"int8, {name}" if self.light else name


class Runner:
    """A model ready to decode: adapter merged, rows computed once."""

    def __init__(self, model: NeoModel, arithmetic: Arithmetic = Arithmetic()):
        model.merge_adapter()
        model.to_dtype(arithmetic.dtype)
        self.model, self.device = model.eval(), model.words.device
        self.vocabulary = model.vocabulary
        self.backbone = backbone_of(model, arithmetic.light)
        self.arithmetic = replace(arithmetic, light=arithmetic.light and isinstance(self.backbone, Llama))
        embeddings, outputs = model.base.get_input_embeddings(), model.base.get_output_embeddings()
        self.words = product_of(self.arithmetic.light, embeddings)
        outputs.weight = embeddings.weight  # they are tied
        self.ahead = FEW - 1 if self.arithmetic.light else AHEAD
        with torch.inference_mode():
            self.code_outputs, self.shortcut_outputs = model.rows.code_outputs(), model.rows.shortcut_outputs()
            self._inputs = model.rows.inputs()
        self._soft_ids = [self.vocabulary.id(name) for name in ("listener-vector", "message-vector")]
        self.prefixes = Prefixes()

    def soft_in(self, ids: list[int]) -> int:
        """How many soft tokens are among `ids`."""
        return sum(id_ in self._soft_ids for id_ in ids)

    def embed(self, ids: list[int], soft: list[np.ndarray] = ()) -> Tensor:
        """Input rows [tokens, width] of `ids`, with the soft tokens' encoder vectors in the order they stand."""
        vectors = self.tensor(np.array(soft, dtype=np.float32)) if len(soft) else None
        return self.model.embed(self.tensor(ids), vectors, self._inputs, self.words)

    def tensor(self, values: list[int] | np.ndarray) -> Tensor:
        """`values` where the model is."""
        return torch.as_tensor(values, device=self.device)

    @torch.inference_mode()
    def text_scores(self, hidden: Tensor) -> np.ndarray:
        """Log-probabilities [base vocabulary + controls] after `hidden` [width]. Raises NotFinite."""
        return _scores(self.model.text_logits(hidden[None], self.words))[0]

    @torch.inference_mode()
    def level_scores(self, hidden: Tensor, shortcut: Tensor, type_: str, level: int) -> np.ndarray:
        """Log-probabilities [n, codes] of one level's codes after `hidden` [n, width]. Raises NotFinite."""
        return _scores(self.model.level_logits(hidden, shortcut, self.code_outputs, type_, level))

    def start(self, ids: list[int], soft: list[np.ndarray]) -> "Context":
        """A context that has read `ids`, with the soft tokens' encoder vectors in the order they stand; what of it was
        read lately is copied."""
        context, vectors = Context(self), iter(soft)
        marks = tuple((id_, next(vectors).tobytes() if id_ in self._soft_ids else b"") for id_ in ids)
        context.begin(self.prefixes.longest(marks), ids, soft)
        self.prefixes.keep(marks, context.cache)
        return context


def _scores(logits: Tensor) -> np.ndarray:
    scores = torch.log_softmax(logits.float(), dim=-1)
    if not torch.isfinite(scores).all():
        raise NotFinite("the model returned NaN or infinite scores: the weights are damaged, restore or retrain them")
    return scores.cpu().numpy()


class Context:
    """What has been read so far. `hidden` [width] is the state after the last token."""

    def __init__(self, runner: Runner):
        self.runner = runner
        self.cache = runner.backbone.start()
        self.hidden: Tensor | None = None
        self._ids: list[int] = []
        self._ahead: list[tuple[int, Tensor]] = []
        """Words that were read but not written, each with the state after it."""
        self._condition: Tensor | None = None
        self._told: Told | None = None
        self._vectors: list[Tensor] = []
        self._branches: tuple[Tensor, Tensor] | None = None
        self._branched: list[int] = []

    @property
    def length(self) -> int:
        """Tokens read so far."""
        return len(self._ids)

    @torch.inference_mode()
    def begin(self, known: Backbone | None, ids: list[int], soft: list[np.ndarray]) -> None:
        """Read a prompt, whose first tokens `known` has read."""
        if known is not None:
            self.cache, self._ids = known, ids[: known.length]
        self.extend(ids[self.length :], soft[self.runner.soft_in(self._ids) :])

    @torch.inference_mode()
    def condition(self, message: np.ndarray, listener: np.ndarray | None) -> None:
        """Set the vectors that item spans under construction carry from here on."""
        rows = self.runner.model.rows
        known = np.zeros(rows.taste_width, np.float32) if listener is None else listener
        self._vectors = [self.runner.tensor(np.asarray(vector, dtype=np.float32))[None] for vector in (message, known)]
        self._condition, self._told = rows.condition(*self._vectors), rows.shortcut.known.tell(*self._vectors)

    @torch.inference_mode()
    def extend(self, ids: list[int], soft: list[np.ndarray] = (), span: int = 0) -> None:
        """Read more tokens. The first `span` of them belong to an item span under construction."""
        self._forget_ahead()
        embedded = self.runner.embed(ids, soft)
        if span:
            embedded[:span] += self._condition
        self.hidden = self._read(embedded)[-1]
        self._ids += ids

    @torch.inference_mode()
    def write(self, id_: int) -> None:
        """Read one token that the model wrote."""
        if not (self._ahead and self._ahead[0][0] == id_):
            self._forget_ahead()
            guessed = self._guess(id_)
            states = self._read(self.runner.embed([id_, *guessed]))
            self._ahead = list(zip([id_, *guessed], states, strict=True))
        self.hidden = self._ahead.pop(0)[1]
        self._ids.append(id_)

    def _read(self, embedded: Tensor) -> Tensor:
        positions = torch.arange(self.length, self.length + len(embedded), device=embedded.device)
        return self.cache.read(embedded, positions)

    def _guess(self, id_: int) -> list[int]:
        """The words that followed where the latest ones and `id_` stood before; none if they never did."""
        latest = [*self._ids[1 - ALIKE :], id_]
        for end in range(self.length - 1, ALIKE - 1, -1):
            if self._ids[end - ALIKE : end] == latest:
                following = self._ids[end : end + self.runner.ahead]
                words = [id_ < self.runner.vocabulary.base_size for id_ in following]
                return following[: words.index(False) if False in words else None]
        return []

    def _forget_ahead(self) -> None:
        if self._ahead:
            self.cache.keep(self.length)
            self._ahead = []

    @torch.inference_mode()
    def crop(self, length: int, hidden: Tensor) -> None:
        """Forget all but the first `length` tokens; `hidden` is the state that stood there."""
        self.cache.keep(length)
        self._ids, self._ahead, self.hidden = self._ids[:length], [], hidden

    @torch.inference_mode()
    def branch(self, ids: list[int], ancestors: list[tuple[int, ...]], depth: int) -> None:
        """Read sibling codes `ids` at `depth` tokens behind the context, each a branch of its own.

        `ancestors` are the slots, counted from the context's end, that each code descends from. The codes take the
        next slots, in order.
        """
        stored = self.cache.length - self.length
        spans = [[*(self._branched[slot] for slot in path), id_] for path, id_ in zip(ancestors, ids, strict=True)]
        written = self.runner.model.rows.written(self.runner.tensor(spans))[:, -1]
        device = self.runner.device
        mask = torch.full((len(ids), self.length + stored + len(ids)), -torch.inf, device=device)
        mask[:, : self.length] = 0
        for row, path in enumerate(ancestors):
            mask[row, [self.length + slot for slot in path]] = 0
            mask[row, self.length + stored + row] = 0
        embedded = self.runner.embed(ids) + self._condition
        hidden = self.cache.read(embedded, torch.full((len(ids),), self.length + depth, device=device), mask)
        self._branches = hidden, self._shortcut(written)
        self._branched = [*self._branched, *ids]

    @torch.inference_mode()
    def _shortcut(self, written: Tensor) -> Tensor:
        """The shortcut's scores [n, codes] behind the codes so far [n, most levels]."""
        of = torch.zeros(len(written), dtype=torch.long, device=written.device)
        outputs = self.runner.shortcut_outputs
        return self.runner.model.rows.shortcut_scores(*self._vectors, self._told, of, written, outputs)

    @torch.inference_mode()
    def type_scores(self) -> dict[str, float]:
        """Item type -> its log-probability by the vectors of the condition."""
        scores = _scores(self.runner.model.rows.type_scores(*self._vectors, self._told))[0]
        return {shape.name: float(score) for shape, score in zip(self.runner.vocabulary.types, scores, strict=True)}

    def open(self, opener: int) -> None:
        """Read the opener of an item span, after which the codes of level 0 can be scored."""
        self.extend([opener], span=1)
        self._branched = []
        nothing = self.runner.model.rows.written(self.runner.tensor([opener]))
        self._branches = self.hidden[None], self._shortcut(nothing)

    def code_scores(self, type_: str, level: int) -> np.ndarray:
        """Log-probabilities [n, codes] after the latest branches, or [1, codes] after the opener. Raises NotFinite."""
        return self.runner.level_scores(*self._branches, type_, level)

    @torch.inference_mode()
    def settle(self, path: tuple[int, ...]) -> None:
        """Keep the branch whose slots are `path` as the continuation of the context and drop the others."""
        self.cache.keep(self.length, path)
        self._ids += [self._branched[slot] for slot in path]
