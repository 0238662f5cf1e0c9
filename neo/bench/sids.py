"""What SIDs of a large catalog cost: vectors that lie in a file, codebooks fitted, every item assigned."""

import tempfile
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

import numpy as np

from neo.sids.build import assign
from neo.sids.quantizer import ResidualQuantizer, parts

LEVELS, CODES, SUBJECTS = 4, 256, 4000


def bench_sids(items: int, width: int = 384, seed: int = 0, progress=lambda: None) -> dict[str, float]:
    """`items` made-up unit vectors around a few thousand centres, in a memory-mapped file. `progress` hears of each of
    three steps."""
    with tempfile.TemporaryDirectory() as folder:
        vectors = _made_up(Path(folder) / "vectors.npy", items, width, seed)
        progress()
        with Memory() as memory:
            before = perf_counter()
            quantizer = ResidualQuantizer.fit(vectors, LEVELS, CODES, seed)
            fitted = perf_counter()
            progress()
            sids, ranks = assign("item", quantizer, vectors, np.zeros(items))
            assigned = perf_counter()
            progress()
        sample = np.sort(np.random.default_rng(seed).permutation(items)[:10_000])
        rebuilt = quantizer.decode(np.array([sids[index].codes for index in sample]))
        cosine = (vectors[sample] * rebuilt).sum(1) / np.linalg.norm(rebuilt, axis=1)
        del vectors
    return {
        "items": items,
        "fit_s": round(fitted - before, 1),
        "assign_s": round(assigned - fitted, 1),
        "memory_mb": round(memory.most / 2**20),
        "collision_rate": round(float(np.mean(np.array(ranks) > 0)), 4),
        "cosine_rebuilt": round(float(cosine.mean()), 4),
    }


def _made_up(path: Path, items: int, width: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(SUBJECTS, width)).astype(np.float32)
    vectors = np.lib.format.open_memmap(path, "w+", np.float32, (items, width))
    for part in parts(vectors):
        count = len(vectors[part])
        made = centres[rng.integers(0, SUBJECTS, count)] + 0.7 * rng.normal(size=(count, width)).astype(np.float32)
        vectors[part] = made / np.linalg.norm(made, axis=1, keepdims=True)
    vectors.flush()
    return np.load(path, mmap_mode="r")


class Memory:
    """The most memory that this process takes of its own within the block, above what it had: pages of files are not
    counted, for the system takes them back when it needs them. 0 where the system does not tell."""

    def __enter__(self) -> "Memory":
        self.most, self._first, self._done = 0, _anonymous(), Event()
        self._watch = Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def _look(self) -> None:
        while not self._done.wait(0.02):
            self.most = max(self.most, _anonymous() - self._first)

    def __exit__(self, *_) -> None:
        self._done.set()
        self._watch.join()


def _anonymous() -> int:
    """Bytes of this process that stand for no file."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)
