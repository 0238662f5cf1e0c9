"""Examples to batches: composed, encoded, rendered once; then bucketed by length so that little is padding."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from neo.format import Format, Message
from neo.model.neo import Batch
from neo.sids.encoder import TextEncoder
from neo.training.recipe import StageConfig
from neo.training.tasks import Composer


@dataclass(frozen=True)
class Example:
    ids: np.ndarray
    labels: np.ndarray
    """-100 where nothing is learned."""
    soft: np.ndarray
    """[soft tokens, encoder width]."""
    spans: np.ndarray
    """1.0 at the openers and codes of items under construction."""
    message: np.ndarray
    """[encoder width]"""
    listener: np.ndarray
    """[encoder width], zeros where nothing is known."""


def examples(
    composer: Composer, format_: Format, encoder: TextEncoder, stage: StageConfig, progress=lambda done: None
) -> list[Example]:
    """Compose a stage's conversations, encode all messages together, render each."""
    parts = [(task, depth, share) for task, depths in stage.mixture.items() for depth, share in depths.items()]
    shares = np.array([share for *_, share in parts])
    drawn = composer.draw.rng.choice(len(parts), size=stage.conversations, p=shares / shares.sum())
    conversations = [composer.compose(*parts[index][:2]) for index in drawn]
    texts = sorted({turn.text for turns in conversations for turn in turns if isinstance(turn, Message)})
    vectors = dict(zip(texts, encoder.encode(texts, progress=progress), strict=True))
    return [
        _example(
            format_,
            [replace(turn, vector=vectors[turn.text]) if isinstance(turn, Message) else turn for turn in turns],
            encoder.width,
        )
        for turns in conversations
    ]


def _example(format_: Format, turns: list, width: int) -> Example:
    rendered = format_.render(turns)
    ids = np.array(rendered.ids, dtype=np.int64)
    soft = np.array([vector for _, vector in rendered.vectors], dtype=np.float32).reshape(-1, width)
    listener = np.zeros(width, np.float32) if rendered.listener is None else rendered.listener.astype(np.float32)
    return Example(
        ids, np.where(rendered.mask, ids, -100), soft, np.array(rendered.spans, np.float32), rendered.message, listener
    )


def bucketed(examples: list[Example], batch_tokens: int, rng: np.random.Generator, pool: int = 400) -> list[list[int]]:
    """Batches of positions: random pools, sorted by length within, cut where padding would exceed the budget."""
    batches: list[list[int]] = []
    order = rng.permutation(len(examples))
    for start in range(0, len(order), pool):
        batch: list[int] = []
        for index in sorted(order[start : start + pool], key=lambda index: len(examples[index].ids)):
            if batch and (len(batch) + 1) * len(examples[index].ids) > batch_tokens:
                batches.append(batch)
                batch = []
            batch.append(int(index))
        batches.append(batch)
    return [batches[index] for index in rng.permutation(len(batches))]


def collate(chosen: list[Example], pad: int) -> Batch:
    """Examples side by side, padded on the right with the token `pad`."""
    longest = max(len(example.ids) for example in chosen)
    ids = torch.full((len(chosen), longest), pad)
    labels = torch.full((len(chosen), longest), -100)
    spans = torch.zeros(len(chosen), longest)
    for row, example in enumerate(chosen):
        size = len(example.ids)
        ids[row, :size], labels[row, :size], spans[row, :size] = map(
            torch.from_numpy, (example.ids, example.labels, example.spans)
        )
    return Batch(
        ids,
        labels,
        torch.from_numpy(np.concatenate([example.soft for example in chosen])),
        spans,
        *(
            torch.from_numpy(np.stack([getattr(example, name) for example in chosen]))
            for name in ("message", "listener")
        ),
    )
