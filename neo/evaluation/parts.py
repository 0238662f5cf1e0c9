"""parts: what each part of the model is worth, by switching it off; and what wider beams are worth.

A part that is switched off was there in training: the model never learned to do without it. So this tells what the
trained model rests on, not what it could have learned otherwise.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from neo.evaluation.bench import Bench
from neo.evaluation.metrics import hit_rate, share
from neo.evaluation.recommending import K, next_listen
from neo.evaluation.searching import known_clues, looked_for
from neo.format import Message
from neo.plan import Hint
from neo.training.listeners import FIRST_HELD_OUT

WIDTH, WIDTHS = 20, (1, 10, 30)
WITHOUT: dict[str, Callable[[Message], Message]] = {
    "hint": lambda message: replace(message, hint=Hint()),
    "words and hint": lambda message: replace(message, spoken=False),
    "message vector": lambda message: replace(message, vector=np.zeros_like(message.vector)),
    "history": lambda message: replace(message, history=(), listener=None),
}


def parts(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """HR@10 of one span with no filter but the type and what was heard: a title, a clue, a next listen."""
    shelf, runner = bench.shelf, bench.assistant.engine.runner
    shortcut = runner.model.rows.shortcut
    known_items = list(shortcut.known.parameters())
    silent = {
        "backbone": [runner.code_outputs],
        "shortcut": [runner.shortcut_outputs, *shortcut.asked[3].parameters(), *known_items],
        "known items": known_items,
    }
    clues = known_clues(bench, queries)
    histories = [bench.listeners.history(seed) for seed in range(FIRST_HELD_OUT, FIRST_HELD_OUT + queries)]
    cases = {
        "title": [(shelf.items[target].title, target) for target, _ in clues],
        "clue": [(clue, target) for target, clue in clues],
        "next listen": [(heard, target) for *heard, target in histories],
    }
    out: dict = {}
    for task, asked in cases.items():
        hits: dict[str, list[float]] = {}
        for known, target in asked:
            type_ = shelf.items[target].type
            message, *where = (next_listen if task == "next listen" else looked_for)(bench, known, type_)
            variants = [(f"whole, beam {width}", message, width, []) for width in (WIDTH, *WIDTHS)]
            variants += [
                (f"without {name}", changed(message), WIDTH, [])
                for name, changed in WITHOUT.items()
                if name != "history" or message.history
            ]
            variants += [(f"without {name}", message, WIDTH, tensors) for name, tensors in silent.items()]
            for name, said, width, tensors in variants:
                with silenced(tensors):
                    found = bench.rank(said, *where, width)
                hits.setdefault(name, []).append(hit_rate(found, {target}, K))
            progress()
        out[task] = {name: {f"HR@{K}": share(values)} for name, values in hits.items()}
    return out


@contextmanager
def silenced(tensors: list[Tensor]) -> Iterator[None]:
    """The tensors are zero inside, and afterwards what they were."""
    kept = [tensor.detach().clone() for tensor in tensors]
    with torch.inference_mode():
        for tensor in tensors:
            tensor.zero_()
    try:
        yield
    finally:
        with torch.inference_mode():
            for tensor, value in zip(tensors, kept, strict=True):
                tensor.copy_(value)
