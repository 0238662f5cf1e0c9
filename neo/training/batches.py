"""Examples to batches: composed, encoded, rendered once; then bucketed by length so that little is padding."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from neo.format import Facts, Format, Message, Reply
from neo.hints import Hints, placed
from neo.model.neo import Batch
from neo.plan import Hint
from neo.sids.encoder import TextEncoder
from neo.sids.pairs import Pairs
from neo.sids.sid import Sid
from neo.training.listeners import SHORTEST_HISTORY
from neo.training.recipe import Mixture, ShortcutConfig
from neo.training.shelf import Shelf
from neo.training.shortcut import Samples
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
    """[encoder width + features], zeros where nothing is known."""


UNHINTED = 0.05
"""Share of conversations without hints, so that the model can do without them."""


def conversations(
    composer: Composer, encoder: TextEncoder, count: int, mixture: Mixture, hints: Hints | None = None
) -> list[list[Message | Reply]]:
    """Compose `count` conversations of a mixture; encode all their messages together, and find their hints."""
    parts = [(task, depth, share) for task, depths in mixture.items() for depth, share in depths.items()]
    shares = np.array([share for *_, share in parts])
    drawn = composer.draw.rng.choice(len(parts), size=count, p=shares / shares.sum())
    composed = [composer.compose(*parts[index][:2]) for index in drawn]
    messages = [turn for turns in composed for turn in turns if isinstance(turn, Message)]
    texts = sorted({turn.text for turn in messages})
    vectors = dict(zip(texts, encoder.encode(texts), strict=True))
    worded = sorted({turn.text for turn in messages if turn.spoken}) if hints else []
    found = dict(zip(worded, hints.of(worded) if hints else (), strict=True))

    titles = {item.sid: item.title for item in composer.shelf.items}

    def known(turns: list[Message | Reply], hinted: bool) -> list[Message | Reply]:
        slate, out = [], []
        for turn in turns:
            if isinstance(turn, Message):
                hint = placed(found.get(turn.text, Hint()), slate) if hinted else Hint()
                turn = replace(turn, vector=vectors[turn.text], hint=hint)
            else:
                slate = [titles[part] for part in turn.parts if isinstance(part, Sid)]
            out.append(turn)
        return out

    return list(map(known, composed, composer.draw.rng.random(count) >= UNHINTED))


def examples(composer: Composer, format_: Format, hints: Hints, count: int, mixture: Mixture) -> list[Example]:
    """Conversations of a mixture, rendered."""
    encoder = hints.encoder
    made = conversations(composer, encoder, count, mixture, hints)
    return [_example(format_, turns, composer.shelf) for turns in made]


def samples(composer: Composer, encoder: TextEncoder, config: ShortcutConfig) -> Samples:
    """What the shortcut learns from: the items that answer composed messages, and every next listen of listeners."""
    rows: list[tuple[np.ndarray, np.ndarray | None, Sid, tuple[str, ...]]] = []
    items = composer.shelf.items
    key_of = {item.sid: item.key for item in items}
    for *_, message, reply in conversations(composer, encoder, config.conversations, config.mixture):
        named = [part.sid for part in reply.parts if isinstance(part, Facts) and part.sid]
        chosen = [part for part in reply.parts if isinstance(part, Sid)]
        told = tuple(key_of[sid] for sid in (*message.history, *named) if sid not in chosen)
        rows += [(message.vector, message.taste(), sid, told) for sid in chosen]
    asking = [composer.ask_for_next() for _ in range(composer.listeners.up_to(config.listeners))]
    worded = sorted(set(asking))
    vectors = dict(zip(worded, encoder.encode(worded), strict=True))
    histories: dict[tuple[int, ...], None] = {}  # few recorded listeners are drawn more than once
    for text in asking:
        heard = composer.next_listener()
        histories[tuple(heard)] = None
        tastes, keys = composer.shelf.tastes_of(heard), tuple(items[index].key for index in heard)
        for at in range(SHORTEST_HISTORY, len(heard)):
            rows.append((vectors[text], tastes[:at].mean(0), items[heard[at]].sid, keys[:at]))
    message, listener, sids, told = zip(*rows, strict=True)
    nothing = np.zeros(composer.shelf.tastes.shape[1], np.float32)
    known = [nothing if vector is None else vector for vector in listener]
    vectors = (np.stack(each).astype(np.float32) for each in (message, known))
    return Samples(*vectors, list(sids), list(told), Pairs.of([item.key for item in items], histories))


def _example(format_: Format, turns: list, shelf: Shelf) -> Example:
    rendered = format_.render(turns)
    width, taste_width = shelf.vectors.shape[1], shelf.tastes.shape[1]
    ids = np.array(rendered.ids, dtype=np.int64)
    soft = np.array([vector for _, vector in rendered.vectors], dtype=np.float32).reshape(-1, width)
    listener = np.zeros(taste_width, np.float32) if rendered.listener is None else rendered.listener.astype(np.float32)
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
