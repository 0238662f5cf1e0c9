"""keep: perplexity of ordinary English before and after training, the base model's own rows in use both times.

The text (`english.txt`) is from books in the public domain, none of them about listening.
"""

from pathlib import Path

import torch
from torch.nn import functional as F

from neo.evaluation.bench import Bench
from neo.model.base import load_base

TEXT = Path(__file__).parent / "english.txt"


@torch.inference_mode()
def keep(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """Perplexity a token, paragraph by paragraph: of the base in float32, of the trained model as it is served, and
    their ratio."""
    format_, runner = bench.assistant.format, bench.assistant.engine.runner
    base, _ = load_base(bench.settings.base, bench.settings.cache)
    paragraphs = [format_.words(text) for text in TEXT.read_text(encoding="utf-8").split("\n\n") if text.strip()]
    totals, tokens = {"base": 0.0, "trained": 0.0}, 0
    for ids in paragraphs:
        wanted, places = torch.tensor(ids[1:]), torch.arange(len(ids) - 1)
        scores = {
            "base": base(torch.tensor([ids[:-1]]), use_cache=False).logits[0],
            "trained": runner.words(runner.backbone.start().read(runner.embed(ids[:-1]), places)),
        }
        for name, logits in scores.items():
            totals[name] += F.cross_entropy(logits, wanted, reduction="sum").item()
        tokens += len(wanted)
        progress()
    found = {name: float(torch.tensor(total / tokens).exp()) for name, total in totals.items()}
    return {
        "tokens": tokens,
        "perplexity": {name: round(value, 2) for name, value in found.items()},
        "ratio": round(found["trained"] / found["base"], 3),
    }
