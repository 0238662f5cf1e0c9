"""Several visitors at once, through the page's own endpoint: what each waits while the others are answered."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from time import perf_counter

import numpy as np

from neo.chat.page import create_page, launch_options
from neo.chat.visit import Answering
from neo.evaluation.speed import MESSAGES


@dataclass(frozen=True)
class Wait:
    """Seconds from sending a message to the reply's first words, and to its end."""

    visitor: int
    first: float
    total: float
    whole: bool
    """Whether the reply came to an end of its own."""


def bench_load(assistant: Answering, visitors: int, messages: int = 3, progress=lambda: None) -> dict:
    """Each of the visitors says `messages` messages, one after the other, all visitors at the same time."""
    with _serving(assistant) as address:
        start = Barrier(visitors)
        with ThreadPoolExecutor(visitors) as pool:
            jobs = [pool.submit(_visit, address, visitor, messages, start, progress) for visitor in range(visitors)]
            waits = [wait for job in jobs for wait in job.result()]
    totals = np.array([wait.total for wait in waits])
    means = [float(np.mean([wait.total for wait in waits if wait.visitor == visitor])) for visitor in range(visitors)]
    firsts = np.array([wait.first for wait in waits])
    return {
        "visitors": visitors,
        "replies": len(waits),
        "replies_whole": sum(wait.whole for wait in waits),
        "first_words_s_p50": round(float(np.median(firsts)), 2),
        "first_words_s_p95": round(float(np.quantile(firsts, 0.95)), 2),
        "reply_s_p50": round(float(np.median(totals)), 2),
        "reply_s_p95": round(float(np.quantile(totals, 0.95)), 2),
        "slowest_visitor_over_fastest": round(max(means) / min(means), 2),
    }


def _visit(address: str, visitor: int, messages: int, start: Barrier, progress) -> list[Wait]:
    from gradio_client import Client

    client, waits = Client(address, verbose=False), []
    start.wait()
    for at in range(messages):
        before, first, reply = perf_counter(), None, {}
        message = MESSAGES[(visitor * messages + at) % len(MESSAGES)]
        for reply in client.submit(message, api_name="/chat"):
            if first is None and (reply["text"] or reply["notices"]):
                first = perf_counter() - before
        total = perf_counter() - before
        waits.append(Wait(visitor, total if first is None else first, total, reply.get("reason") is not None))
        progress()
    return waits


@contextmanager
def _serving(assistant: Answering) -> Iterator[str]:
    """A page on a free port of this machine, while the context lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = create_page(assistant)
    _, address, _ = page.launch(
        prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=port, **launch_options()
    )
    try:
        yield address
    finally:
        page.close(verbose=False)
