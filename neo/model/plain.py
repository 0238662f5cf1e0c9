"""The trained model as a plain `transformers` causal LM with the new tokens in its vocabulary: for `generate`.

What a reply knows of its message and listener beyond its tokens is folded in: span positions carry the vectors in
their rows, and the shortcut's scores are for the caller to add (`shortcut_of`), since no output row can hold them.
"""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor
from transformers import PreTrainedModel

from neo.model.neo import NeoModel


@torch.no_grad()
def as_causal_lm(model: NeoModel, message: Tensor, listener: Tensor) -> PreTrainedModel:
    """A copy of `model`, adapter merged, for replies to a message with these vectors [1, encoder width]."""
    model.merge_adapter()
    rows, vocabulary = model.rows, model.vocabulary
    config = deepcopy(model.base.config)
    config.vocab_size, config.tie_word_embeddings = vocabulary.size, False
    plain = type(model.base)(config).eval()
    spans = torch.zeros(vocabulary.size - vocabulary.base_size, 1)
    spans[vocabulary.control_ids.stop - vocabulary.base_size :] = 1
    for shape in vocabulary.types:
        spans[vocabulary.opener(shape.name) - vocabulary.base_size] = 1
    inputs = rows.inputs() + spans * rows.condition(message, listener)
    plain.model.load_state_dict(model.core.state_dict() | {"embed_tokens.weight": torch.cat([model.words, inputs])})
    plain.get_output_embeddings().weight.copy_(torch.cat([model.words, rows.control_out, rows.code_outputs()]))
    return plain


def shortcut_of(model: NeoModel, message: Tensor, listener: Tensor) -> Callable[[list[int]], Tensor]:
    """A span's codes so far, as ids -> the shortcut's scores [codes of all types and levels]."""
    rows = model.rows
    told = rows.shortcut.known.tell(message, listener)

    @torch.no_grad()
    def scores(ids: list[int]) -> Tensor:
        written = rows.written(torch.tensor(ids or [0]))[-1:]
        return rows.shortcut_scores(message, listener, told, torch.zeros(1, dtype=torch.long), written)[0]

    return scores
