"""Ordinary English for training to rehearse, sampled from the base model itself before anything is learned.

Learned at a small share beside conversations, it keeps what the base knew: a batch of it costs what any other does,
and no text has to be had from anywhere.
"""

import numpy as np
import torch

from neo.format import Format
from neo.model.neo import NeoModel
from neo.model.rows import NewRows
from neo.training.batches import Example

OPENING, LENGTH, TOGETHER = 4, 48, 128  # tokens given, tokens in all, samples a batch


@torch.inference_mode()
def rehearsal(
    model: NeoModel,
    format_: Format,
    openings: list[str],
    count: int,
    seed: int,
    progress=lambda done, total, loss: None,
) -> list[Example]:
    """`count` samples of the base at temperature 1 that go on from the first words of `openings`."""
    starts = [ids for text in openings if len(ids := format_.words(text)[:OPENING]) == OPENING]
    if not starts:
        return []
    drawn = np.random.default_rng(seed).choice(len(starts), count)
    torch.manual_seed(seed)
    device = model.words.device
    made: list[Example] = []
    for first in range(0, count, TOGETHER):
        prompts = torch.tensor([starts[index] for index in drawn[first : first + TOGETHER]], device=device)
        with model.base_alone():
            sampled = model.base.generate(
                prompts,
                attention_mask=torch.ones_like(prompts),
                max_new_tokens=LENGTH - OPENING,
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                eos_token_id=format_.end,
                pad_token_id=format_.end,
            )
        made += [_example(row, format_.end, model.rows) for row in sampled.cpu().numpy()]
        progress(len(made), count, 0.0)
    return made


def _example(ids: np.ndarray, end: int, rows: NewRows) -> Example:
    """A sample up to its first end, learned from behind what was given."""
    ends = np.flatnonzero(ids == end)
    ids = ids[: ends[0] + 1] if len(ends) else ids
    labels = np.where(np.arange(len(ids)) < OPENING, -100, ids)
    soft, spans = np.zeros((0, rows.encoder_width), np.float32), np.zeros(len(ids), np.float32)
    message, listener = (np.zeros(width, np.float32) for width in (rows.encoder_width, rows.taste_width))
    return Example(ids, labels, soft, spans, message, listener)
