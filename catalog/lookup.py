"""From what a visitor said to items and makers: exact names first, then forgiving ones.

"serial" finds Serial and not Serial Killers; "harry poter" finds every Harry Potter. An index of names is built once
from a session and passed around; it loads no item objects, and a question takes 2-3 ms among 1,500 titles.
Scores are 0..1; whatever falls under `ACCEPT` is not found at all, for a wrong title filters worse than none.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.names import ARTICLES, SPOKEN_ARTICLES, one_slip, plain, same_words, without_article
from catalog.tables import Item, Maker
from catalog.words import is_word

ACCEPT = 0.85
ACCEPT_SHORT = 0.90
"""For names under 8 letters, where one typo weighs more."""
NEARLY, LONG = 0.88, 8
"""How alike a name of so many letters must be to words in the middle of a message."""
SHORT, LONGER = 5, 12
"""Letters of a name from which a typo is told from other words: where it makes a word that is none, or any."""
MOST_STRANGE, MOST_RUN_WORDS = 12, 3
"""Words of a message that are no words and are looked at for slips, and the words of a run with one of them."""
MOST_COMPARED = 20_000
"""Titles that a message is compared with; more take longer than a reply may."""
ALIAS, SHUFFLED, BEGINNING, INSIDE, ONE_WORD, SLIP = 0.97, 0.96, 0.95, 0.90, 0.86, 0.86
"""What a match is worth with a part of the name, with its words in another order, or but for one letter."""


@dataclass(frozen=True)
class Match:
    """An item that was found."""

    item_id: int
    key: str
    title: str
    score: float


@dataclass(frozen=True)
class MakerMatch:
    """A maker that was found."""

    maker_id: int
    name: str
    score: float


@dataclass(frozen=True)
class Spelling:
    """One plain way to say a name. An alias ("sapiens" for all of its subtitle) yields to whoever bears it in full."""

    owner: int
    text: str
    alias: bool = False


class Spellings:
    """Finds the owners of the spellings nearest to a name. Pure: knows neither items nor makers."""

    def __init__(self, spellings: Iterable[Spelling]):
        self._all = list(dict.fromkeys(spelling for spelling in spellings if spelling.text))
        self._texts = [spelling.text for spelling in self._all]
        self._words = [text.split() for text in self._texts]
        self._long = [text for text in dict.fromkeys(self._texts) if len(text) >= LONG]
        self._sorted = [" ".join(sorted(words)) for words in self._words]
        self._exact: dict[str, list[Spelling]] = {}
        for spelling in self._all:
            self._exact.setdefault(spelling.text, []).append(spelling)
        self._owners_of_word: dict[str, set[int]] = defaultdict(set)
        for spelling, words in zip(self._all, self._words, strict=True):
            for word in words:
                self._owners_of_word[word].add(spelling.owner)

    def exact(self, name: str) -> dict[int, float]:
        """Owner -> score of those called exactly so; aliases count only when nobody bears the name in full."""
        found = self._exact.get(name, ())
        full = {spelling.owner: 1.0 for spelling in found if not spelling.alias}
        return full or {spelling.owner: ALIAS for spelling in found}

    def fuzzy(self, name: str) -> dict[int, float]:
        """Owner -> score of those called nearly so, in whole or in part.

        One word is a part only if it is long and no other name has it: "gatsby" will do, "serial" won't.
        """
        scores: dict[int, float] = {}
        if len(name) < SHORT:
            return scores
        cutoff = ACCEPT if len(name) >= 8 else ACCEPT_SHORT

        def credit(position: int, score: float, similar: bool) -> None:
            if score >= cutoff and similar:
                owner = self._all[position].owner
                scores[owner] = max(score, scores.get(owner, 0.0))

        def nearest(query: str, texts: Sequence[str | None]) -> list[tuple[int, float]]:
            hits = process.extract(query, texts, scorer=fuzz.ratio, score_cutoff=100 * ACCEPT, limit=None)
            return [(position, score / 100) for _, score, position in hits]

        words = name.split()
        for position, score in nearest(name, self._texts):
            credit(position, score, same_words(words, self._words[position]))
        scores = {**self.slips(name), **scores}
        if len(words) == 1:
            owners = self._owners_of_word.get(name, ())
            if len(owners) == 1 and len(name) >= 6:
                scores.setdefault(*owners, ONE_WORD)
            return scores
        for position, score in nearest(" ".join(sorted(words)), self._sorted):
            credit(position, score * SHUFFLED, same_words(words, self._words[position]))
        count = len(words)
        heads = [" ".join(those[:count]) if len(those) > count else None for those in self._words]
        for position, score in nearest(name, heads):
            credit(position, score * BEGINNING, same_words(words, self._words[position][:count]))
        if len(name) >= 7:
            for position, text in enumerate(self._texts):
                credit(position, INSIDE, f" {name} " in f" {text} ")
        return scores

    def slips(self, name: str) -> dict[int, float]:
        """Owner -> score of those of whose whole names this is a typo by one letter."""
        if len(name) < SHORT:
            return {}
        near = process.extract(name, self._texts, scorer=OSA.distance, score_cutoff=1, limit=None)
        return {self._all[at].owner: SLIP for text, _, at in near if one_slip(name, text) and _is_odd(name, text)}

    def nearly_in(self, words: Sequence[str]) -> tuple[int, int] | None:
        """Where a run of plain `words` begins and ends that is a typo of a spelling; of a long one, if there is any."""
        return self._long_in(words) or self._slip_in(words)

    def _long_in(self, words: Sequence[str]) -> tuple[int, int] | None:
        """One that is alike in letters and word by word, or but for a slip."""
        scorer, cutoff = fuzz.partial_ratio, 100 * NEARLY
        for text, _, _ in process.extract(" ".join(words), self._long, scorer=scorer, score_cutoff=cutoff, limit=3):
            runs = list(_runs(len(words), len(text.split()) + 1))
            said, _, at = process.extractOne(text, [_said(words, run) for run in runs], scorer=fuzz.ratio)
            alike = fuzz.ratio(said, text) >= cutoff and same_words(said.split(), text.split())
            if said != text and (alike or one_slip(said, text)) and _is_odd(said, text):
                return runs[at]
        return None

    def _slip_in(self, words: Sequence[str]) -> tuple[int, int] | None:
        """One with a slip in a word that is none."""
        strange = [at for at, word in enumerate(words) if not is_word(word)][:MOST_STRANGE]
        runs = [run for run in _runs(len(words), MOST_RUN_WORDS) if any(at in range(*run) for at in strange)]
        said = [_said(words, run) for run in runs]
        distances = process.cdist(said, self._texts, scorer=OSA.distance, score_cutoff=1, dtype=np.uint8)
        for row, position in np.argwhere(distances <= 1):
            text = self._texts[position]
            if len(text) >= SHORT and one_slip(said[row], text) and _is_odd(said[row], text):
                return runs[row]
        return None


def _runs(words: int, most: int) -> Iterator[tuple[int, int]]:
    """Where every run of up to `most` of so many words begins and ends, the longest runs first."""
    for size in range(min(most, words), 0, -1):
        yield from ((first, first + size) for first in range(words - size + 1))


def _said(words: Sequence[str], run: tuple[int, int]) -> str:
    return " ".join(words[slice(*run)])


def _is_odd(said: str, text: str) -> bool:
    """Whether what was said looks mistyped beside a spelling: one of its other words is none; of a longer spelling
    that is not asked, for hardly anything else is so much like it."""
    return len(text) >= LONGER or not all(map(is_word, set(said.split()) - set(text.split())))


class TitleIndex:
    """The titles of a catalog, ready to be looked up. Make a new one after items were added."""

    def __init__(self, rows: Iterable[tuple[int, str, str, str, str, int]]):
        """Rows of (item id, key, type, title, language, fame)."""
        self._rows = list(rows)
        self._spellings = Spellings(
            spelling
            for owner, (_, _, _, title, language, _) in enumerate(self._rows)
            for spelling in _title_spellings(owner, title, language)
        )

    @classmethod
    def from_session(cls, session: Session) -> "TitleIndex":
        columns = (Item.id, Item.key, Item.type, Item.title, Item.language, Item.fame)
        return cls(session.execute(select(*columns).order_by(Item.id)).all())

    def nearly_in(self, words: Sequence[str]) -> tuple[int, int] | None:
        """Where a run of plain `words` begins and ends that is a typo of a title; None for none, and in catalogs too
        large to ask of every message."""
        return self._spellings.nearly_in(words) if len(self._rows) <= MOST_COMPARED else None

    def called(self, name: str) -> str | None:
        """The title that is exactly the plain `name`, or its part before the subtitle is; None for none."""
        owner = next(iter(self._spellings.exact(name)), None)
        return None if owner is None else self._rows[owner][3]

    def find(self, text: str, limit: int = 5, types: Sequence[str] = ()) -> list[Match]:
        """The items called so, best first; if any is called exactly so, only those."""
        name = plain(text)
        bare = without_article(name)
        known = self._spellings
        for look, words in ((known.exact, name), (known.exact, bare), (known.fuzzy, bare), (known.slips, name)):
            scores = look(words)
            found = [(score, self._rows[owner]) for owner, score in scores.items()]
            if types:
                found = [(score, row) for score, row in found if row[2] in types]
            if found:
                found.sort(key=lambda pair: (-pair[0], -pair[1][5], len(pair[1][3]), pair[1][1]))
                return [Match(row[0], row[1], row[3], round(score, 3)) for score, row in found[:limit]]
        return []


class MakerIndex:
    """The makers of a catalog, ready to be looked up: "verne" finds Jules Verne, "bbc" all that begin with BBC."""

    def __init__(self, rows: Iterable[tuple[int, str]]):
        """Rows of (maker id, name)."""
        self._rows = list(rows)
        self._spellings = Spellings(
            spelling for owner, (_, name) in enumerate(self._rows) for spelling in _maker_spellings(owner, name)
        )

    @classmethod
    def from_session(cls, session: Session) -> "MakerIndex":
        return cls(session.execute(select(Maker.id, Maker.name).order_by(Maker.id)).all())

    def called(self, name: str) -> str | None:
        """The maker whose whole name is the plain `name`; None for none."""
        owner = next((owner for owner, score in self._spellings.exact(name).items() if score == 1), None)
        return None if owner is None else self._rows[owner][1]

    def find(self, text: str, limit: int = 10) -> list[MakerMatch]:
        """The makers called so, best first; if any is called exactly so, only those."""
        name = without_article(plain(text), ARTICLES["en"])
        scores = self._spellings.exact(name) or self._spellings.fuzzy(name)
        found = sorted((-score, self._rows[owner][1], self._rows[owner][0]) for owner, score in scores.items())
        return [MakerMatch(maker_id, name, round(-score, 3)) for score, name, maker_id in found[:limit]]


def _title_spellings(owner: int, title: str, language: str) -> Iterable[Spelling]:
    articles = ARTICLES.get(language, SPOKEN_ARTICLES)
    before_subtitle = re.split(r":\s|\s[-–—|(]\s?|;\s", title)[0]
    for name in dict.fromkeys((title, before_subtitle)):
        for text in (plain(name), without_article(plain(name), articles)):
            yield Spelling(owner, text, alias=name != title)


def _maker_spellings(owner: int, name: str) -> Iterable[Spelling]:
    text = without_article(plain(name), ARTICLES["en"])
    yield Spelling(owner, text)
    words = text.split()
    if len(words) > 1:
        yield Spelling(owner, words[-1], alias=True)
        if re.match(r"[A-Z]{3,}\b", name):  # BBC World Service, NPR Music
            yield Spelling(owner, words[0], alias=True)


def find_items(
    session: Session, text: str, limit: int = 5, types: Sequence[str] = (), index: TitleIndex | None = None
) -> list[Match]:
    """Items by a title that was said. Pass the `index` if you ask more than once; without it one is built."""
    return (TitleIndex.from_session(session) if index is None else index).find(text, limit, types)


def find_makers(session: Session, text: str, limit: int = 10, index: MakerIndex | None = None) -> list[MakerMatch]:
    """Makers by a name that was said, in full or by the last part of it."""
    return (MakerIndex.from_session(session) if index is None else index).find(text, limit)
