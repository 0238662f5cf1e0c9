"""Whose histories the model learns from: recorded listeners, where the catalog has enough of them, else simulated ones.

Simulated listeners are a documented, seeded stand-in, and called simulated wherever they show. Such a listener has
three topics of interest (the first the strongest), a favourite tone, a taste for the famous, a home language and a
share of exploration. The chance of the next listen is proportional to exp(score / temperature) over the items not yet
heard, where
    score = 1.5 * sum of interest weights over the item's topics + 0.8 * [favourite tone] + popularity * fame
            + 1.2 * cosine with the mean of the last three listens,
restricted to the home language (nine of ten listens); an exploring listen ignores the interests. Interests hold across
item types, so taste carries over from shows to audiobooks.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sqlalchemy.orm import Session

from neo.items import CatalogItem
from neo.sids.listening import is_held_out, recorded_histories

FIRST_HELD_OUT = 900_000_000
"""Seeds from here on draw listeners that no training draws."""

SHORTEST_HISTORY = 1  # listens that must be known before the next one is to be guessed
MOST_DRAWS = 3
"""Of a recorded listener: the shortcut learns from all that are drawn for some epochs anyway."""


class Listeners(Protocol):
    """Draws histories by seed."""

    def history(self, seed: int) -> list[int]:
        """A listener's listens, as positions among the items, oldest first, none twice."""
        ...

    def up_to(self, wanted: int) -> int:
        """How many of `wanted` listeners there are to draw; recorded ones come round."""
        ...


class Recorded:
    """Listeners of the catalog's own listens. Those who are held out are drawn by seeds from FIRST_HELD_OUT on alone.
    `histories`: name -> positions of items, oldest first."""

    def __init__(self, histories: dict[str, list[int]]):
        self._kept, self._held = [], []
        for name, heard in sorted(histories.items()):
            (self._held if is_held_out(name) else self._kept).append(heard)
        self._held = self._held or self._kept[-1:]

    def history(self, seed: int) -> list[int]:
        pool = self._held if seed >= FIRST_HELD_OUT else self._kept
        return pool[seed % len(pool)]

    def up_to(self, wanted: int) -> int:
        return min(wanted, MOST_DRAWS * len(self._kept))


def listeners_of(session: Session, items: list[CatalogItem], vectors: np.ndarray) -> Listeners:
    """The recorded listeners, or the simulation where there are too few of them."""
    histories = recorded_histories(session, items)
    return Recorded(histories) if histories else Simulation(items, vectors)


@dataclass(frozen=True)
class SimulationConfig:
    """How listeners are drawn."""

    listens: tuple[int, int] = (5, 14)
    temperature: float = 0.35
    exploration: float = 0.15
    bilingual: float = 0.1


class Simulation:
    """Draws histories over `items`, whose unit vectors are `vectors` [items, width]."""

    def __init__(self, items: list[CatalogItem], vectors: np.ndarray, config: SimulationConfig = SimulationConfig()):
        self.items, self.vectors, self.config = items, vectors, config
        self._topics = sorted({topic for item in items for topic in item.topics})
        self._tones = sorted({tone for item in items for tone in item.tones})
        self._has_topic = np.array([[topic in item.topics for topic in self._topics] for item in items], dtype=float)
        self._has_tone = np.array([[tone in item.tones for tone in self._tones] for item in items], dtype=float)
        self._fame = np.array([item.fame for item in items], dtype=float)
        self._language = np.array([item.language for item in items])
        codes, counts = np.unique(self._language, return_counts=True)
        self._homes, self._home_odds = codes, counts / counts.sum()

    def up_to(self, wanted: int) -> int:
        return wanted

    def history(self, seed: int) -> list[int]:
        """The listens of listener `seed`, as positions in `items`, oldest first, none twice."""
        rng, config = np.random.default_rng(seed), self.config
        home = rng.choice(self._homes, p=self._home_odds)
        at_home = self._language == home
        popular = self._has_topic[at_home].sum(0)
        odds = np.sqrt(popular) / np.sqrt(popular).sum()
        interests = rng.choice(len(self._topics), size=min(3, (odds > 0).sum()), replace=False, p=odds)
        weights = np.zeros(len(self._topics))
        weights[interests] = np.array([1.0, 0.8, 0.6])[: len(interests)]
        tone = rng.integers(len(self._tones))
        base = 0.08 * rng.uniform(0.5, 2) * self._fame
        taste = 1.5 * self._has_topic @ weights + 0.8 * self._has_tone[:, tone]
        heard: list[int] = []
        wanted = int(rng.integers(config.listens[0], config.listens[1] + 1))
        while len(heard) < min(wanted, len(self.items)):
            score = base + (0 if rng.random() < config.exploration else taste)
            if heard:
                score = score + 1.2 * self.vectors @ self.vectors[heard[-3:]].mean(0)
            score = score / config.temperature
            abroad = rng.random() < config.bilingual
            allowed = np.ones(len(self.items), bool) if abroad else at_home.copy()
            allowed[heard] = False
            if not allowed.any():
                break
            chances = np.where(allowed, np.exp(score - score[allowed].max()), 0.0)
            heard.append(int(rng.choice(len(self.items), p=chances / chances.sum())))
        return heard
