"""Which titles and makers of a catalog stand in a message, letter for letter but for case, accents and punctuation; and
which title nearly does, for people mistype.

It finds, and judges nothing: whether "Empire" means the podcast or an empire is for the reader to say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from catalog.lookup import MakerIndex, TitleIndex
from catalog.names import plain
from catalog.words import is_word

MOST_WORDS = 10  # of a name
SHORTEST = 4  # letters of a name that is one word
MARKS = "\"'“”‘’«»()[]{}¿¡.,;:!?…-–—"  # around a name, and no part of it unless the catalog has them
ELIDED = re.compile(r"\W*(?:[cdjlmnst]|qu|un|(?:d|n|s|qu)?[aeu]ll)['’](?=\w)", re.IGNORECASE)
"""A small word that French and Italian write together with the name behind it: "d'Agatha Christie"."""
POSSESSIVE = re.compile(r"(?<=\w)['’](?:s\b)?\W*$")
"""What English puts behind a name: "Stephen King's"."""


@dataclass(frozen=True)
class Mention:
    """A name in a message: `said` as it stands there."""

    kind: str
    """"title" or "maker"."""
    said: str
    start: int

    @property
    def stop(self) -> int:
        return self.start + len(self.said)

    def within(self, other: "Mention") -> bool:
        """Whether `other` has all of its words and more."""
        more = len(other.said.split()) > len(self.said.split())
        return more and other.start <= self.start and self.stop <= other.stop


class Mentions:
    """Looks for the names of a catalog in messages."""

    def __init__(self, titles: TitleIndex, makers: MakerIndex):
        self._titles, self._makers = titles, makers
        is_word("")  # reads its lists now, while nobody waits for an answer

    def find(self, text: str, most: int = 4) -> list[Mention]:
        """Names in the order they stand, the longest where they overlap, at most so many."""
        chunks = [(found.start(), found.end(), plain(found.group())) for found in re.finditer(r"[^\s/]+", text)]
        capitals = any(text[start].isupper() and word != "i" for start, _, word in chunks[1:])
        taken, found = [False] * len(chunks), []
        for size in range(min(MOST_WORDS, len(chunks)), 0, -1):
            for first in range(len(chunks) - size + 1):
                if any(taken[first : first + size]) or not (chunks[first][2] and chunks[first + size - 1][2]):
                    continue  # within a longer name, or with a mark at an end
                start, stop = chunks[first][0], chunks[first + size - 1][1]
                for begin, end in _without_particles(text, start, stop):
                    if mention := self._named(text, begin, end, capitals):
                        found.append(mention)
                        taken[first : first + size] = [True] * size
                        break
        if nearly := self._nearly(text, chunks):
            touched = [mention for mention in found if mention.start < nearly.stop and nearly.start < mention.stop]
            # "A Wlk in the Woods" holds the title "In the Woods", but means another
            if all(mention.kind == "maker" or mention.within(nearly) for mention in touched):
                found = [*(mention for mention in found if mention not in touched), nearly]
        return sorted(found, key=lambda mention: mention.start)[:most]

    def _nearly(self, text: str, chunks: list[tuple[int, int, str]]) -> Mention | None:
        """The title that a run of words is a typo of, if there is one."""
        worded = [chunk for chunk in chunks if chunk[2]]
        run = self._titles.nearly_in([word for _, _, word in worded])
        if run is None:
            return None
        start, stop = worded[run[0]][0], worded[run[1] - 1][1]
        start = stop - len(text[start:stop].lstrip(MARKS))
        return Mention("title", text[start:stop].rstrip(MARKS), start)

    def _named(self, text: str, start: int, stop: int, capitals: bool) -> Mention | None:
        name = plain(text[start:stop])
        # one word in lower case, where the writer knows capitals, is a word
        if " " not in name and (len(name) < SHORTEST or (capitals and text[start:stop].islower())):
            return None
        for kind, index in (("title", self._titles), ("maker", self._makers)):
            if (own := index.called(name)) is not None:
                start = stop - len(text[start:stop].lstrip(MARKS))
                whole = text[start : start + len(own)]
                said = whole if whole.casefold() == own.casefold() else text[start:stop].rstrip(MARKS)
                return Mention(kind, said, start)
        return None


def _without_particles(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """A run of words as it stands, then without what another word lends it at its ends."""
    yield start, stop
    bare = POSSESSIVE.sub("", text[start:stop])
    elided = ELIDED.match(bare)
    if len(bare) < stop - start:
        yield start, start + len(bare)
    if elided:
        yield start + elided.end(), start + len(bare)
