"""The constraint's cost against catalog size: time for the children of a prefix, bytes an item, opening, building."""

import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from neo.decoding.trie import TypeTrie

LEVELS, CODES, WALKS = 4, 256, 2000


def bench_trie(items: int, seed: int = 0) -> dict[str, float]:
    """A catalog of `items` random SIDs of 4 x 256 codes; children are asked for along SIDs that exist."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, CODES, (items, LEVELS), dtype=np.uint16)
    before = perf_counter()
    built = TypeTrie.build("item", table)
    build = perf_counter() - before
    with tempfile.TemporaryDirectory() as folder:
        built.save(Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        count = len(built)
        del built
        before = perf_counter()
        trie = TypeTrie.open(Path(folder), "item")
        opened = perf_counter() - before
        times = _walks(trie, table[rng.integers(0, items, min(WALKS, items))])
        del trie
    return {
        "items": count,
        "children_us_p50": round(float(np.median(times)) * 1e6, 2),
        "children_us_p99": round(float(np.quantile(times, 0.99)) * 1e6, 2),
        "bytes_per_item": round(size / count, 2),
        "open_ms": round(opened * 1e3, 2),
        "build_s": round(build, 2),
    }


def _walks(trie: TypeTrie, sids: np.ndarray) -> list[float]:
    """Seconds of every question for children on the way to the SIDs [n, levels]."""
    view, times = trie.everything(), []
    for sid in sids:
        node = 0
        for level, code in enumerate(sid):
            before = perf_counter()
            codes, nodes = view.children(level, node)
            times.append(perf_counter() - before)
            node = int(nodes[np.searchsorted(codes, code)])
    return times


def draw(found: list[dict[str, float]], path: Path) -> None:
    """A picture of cost against catalog size, as SVG or PNG by the path's ending."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    titles = {"children_us_p50": "children of a prefix, µs", "bytes_per_item": "bytes an item", "build_s": "build, s"}
    for axes, (name, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        axes.plot([row["items"] for row in found], [row[name] for row in found], marker="o")
        axes.set(xscale="log", xlabel="items", title=title, ylim=(0, None))
    figure.savefig(path)
