"""The same constraint for `transformers`: a LogitsProcessor that lets `generate` write nothing but real items in spans.

Inside a span the scores become what the engine's beams use: a log-softmax over the level's rows alone, then the trie's
mask. Outside, words, the end and the openers of types that have something left are allowed.
"""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor
from transformers import LogitsProcessor

from neo.decoding.beams import Children
from neo.errors import NothingAllowed
from neo.sids.vocabulary import Vocabulary


class CatalogLogits(LogitsProcessor):
    """`views`: item type -> what its spans may hold. `banned`: ids of the base vocabulary that are no words. `opened`:
    the type of a span that the prompt ends in. `shortcut` maps the codes of a span so far, as ids, to scores [codes of
    all types and levels] that are added to the model's."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        views: Mapping[str, Children],
        banned: Iterable[int] = (),
        opened: str | None = None,
        shortcut: Callable[[list[int]], Tensor] | None = None,
    ):
        self.vocabulary, self.views, self.opened, self.shortcut = vocabulary, dict(views), opened, shortcut
        self._text = torch.zeros(vocabulary.size, dtype=torch.bool)
        self._text[: vocabulary.base_size] = True
        self._text[list(banned)] = False
        self._text[[vocabulary.opener(name) for name, view in self.views.items() if len(view.children(0, 0)[0])]] = True

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """[rows, tokens written], [rows, vocabulary] -> scores, what is forbidden at -inf. Raises NothingAllowed."""
        out = torch.full_like(scores, -torch.inf)
        for row, ids in enumerate(input_ids.tolist()):
            type_, written = self._span(ids)
            if type_ is None:
                out[row, self._text] = scores[row, self._text]
            elif len(written) == self.vocabulary.shape(type_).levels:
                out[row, self.vocabulary.closer(type_)] = 0.0
            else:
                self._code(out[row], scores[row], type_, written)
        return out

    def _span(self, ids: list[int]) -> tuple[str | None, list[int]]:
        """(type, ids of the codes so far) of the span that is being written, or (None, [])."""
        for at in range(len(ids) - 1, -1, -1):
            if (type_ := self.vocabulary.opened_type(ids[at])) is not None:
                return type_, ids[at + 1 :]
            if ids[at] < self.vocabulary.control_ids.stop:
                return None, []  # a word or a closer: no span is open
        return self.opened, list(ids) if self.opened else []

    def _code(self, out: Tensor, scores: Tensor, type_: str, written: list[int]) -> None:
        level, node, view = len(written), 0, self.views[type_]
        for at, id_ in enumerate(written):
            codes, nodes = view.children(at, node)
            node = int(nodes[list(codes).index(id_ - self.vocabulary.level_ids(type_, at).start)])
        allowed, _ = view.children(level, node)
        if not len(allowed):
            raise NothingAllowed(f"no {type_} is left under the filter at level {level}: expected the caller to check")
        ids = self.vocabulary.level_ids(type_, level)
        logits = scores[ids.start : ids.stop]
        if self.shortcut is not None:
            first = self.vocabulary.control_ids.stop
            logits = logits + self.shortcut(written)[ids.start - first : ids.stop - first]
        kept = torch.as_tensor(allowed.astype("int64"))
        out[kept + ids.start] = torch.log_softmax(logits.float(), -1)[kept].to(out.dtype)
