"""speed: how long a visitor waits, and how much memory the whole process takes. Figures of the machine it runs on."""

import resource
from statistics import median

import psutil

from neo.chat.parts import Conversation, Done
from neo.evaluation.bench import Bench

MESSAGES = (
    "two shows like Serial",
    "an audiobook about the sea",
    "something calm for tonight",
    "a funny podcast about history",
    "three podcasts about space",
    "an audiobook like Dune",
    "podcasts in Spanish",
    "a gripping true crime show",
    "something for my commute",
    "a novel about love",
    "shows about money, not too serious",
    "a podcast for kids",
    "audiobooks by Agatha Christie",
    "surprise me",
    "what is Radiolab about?",
    "one episode about music",
    "a scary audiobook",
    "podcasts about food and travel",
    "a short book about philosophy",
    "something like 99% Invisible",
)


def speed(bench: Bench, queries: int, progress=lambda: None) -> dict:
    """Medians in seconds over up to twenty different short messages, each a conversation of its own; memory."""
    bench.serve("hello")  # what is loaded on first use is loaded now
    waits: dict[str, list[float]] = {}
    for message in MESSAGES[: max(1, queries)]:
        done = list(bench.assistant.reply(Conversation(), message))[-1]
        assert isinstance(done, Done)
        for name, seconds in done.seconds.items():
            if seconds is not None:
                waits.setdefault(name, []).append(seconds)
        progress()
    found = {f"{name}, seconds (median of {len(values)})": round(median(values), 2) for name, values in waits.items()}
    return found | {
        "resident memory, GB": round(psutil.Process().memory_info().rss / 1e9, 2),
        "peak memory, GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    }
