"""The item that a listen names: exactly where it can be, else by title and maker with a confidence that is shown."""

from dataclasses import dataclass

from rapidfuzz import fuzz
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.importers.clean import Unusable
from catalog.lookup import ACCEPT, TitleIndex
from catalog.names import plain
from catalog.tables import ItemMaker, Maker

CANDIDATES = 20


@dataclass(frozen=True)
class Guess:
    """An item that is meant with this confidence, 0..1."""

    item_id: int
    key: str
    confidence: float


class Finder:
    """Looks titles up in an index that is made once; items added later are found by `identity`, not here."""

    def __init__(self, session: Session):
        self._session = session
        self._index: TitleIndex | None = None
        self._found: dict[tuple, Guess | Unusable] = {}

    def find(self, title: str, makers: tuple[str, ...] = (), type_name: str | None = None) -> Guess:
        """The one item called so. Raises Unusable when there is none, or several and nothing to tell them apart."""
        asked = (title, makers, type_name)
        if asked not in self._found:
            if len(self._found) > 10_000:
                self._found.clear()
            try:
                self._found[asked] = self._look(*asked)
            except Unusable as error:
                self._found[asked] = error
        if isinstance(found := self._found[asked], Unusable):
            raise found
        return found

    def _look(self, title: str, makers: tuple[str, ...], type_name: str | None) -> Guess:
        if self._index is None:
            self._index = TitleIndex.from_session(self._session)
        matches = self._index.find(title, CANDIDATES, (type_name,) if type_name else ())
        said = f"{title} by {', '.join(makers)}" if makers else title
        if not matches:
            raise Unusable("item", said, "no item is called so: import it first, or correct the title")
        guesses = [Guess(match.item_id, match.key, match.score) for match in matches]
        if makers:
            guesses = self._by(guesses, makers)
        best = [guess for guess in guesses if guess.confidence == guesses[0].confidence]
        if best[0].confidence < ACCEPT:
            near = f"{best[0].key} ({best[0].confidence:.2f})"
            raise Unusable("item", said, f"nearest is {near}, which is not near enough: correct title or maker")
        if len(best) > 1:
            keys = ", ".join(guess.key for guess in best[:3])
            raise Unusable("item", said, f"{len(best)} items are called so ({keys}): give the maker or the key")
        return best[0]

    def _by(self, guesses: list[Guess], makers: tuple[str, ...]) -> list[Guess]:
        statement = select(ItemMaker.item_id, Maker.name).join(Maker)
        names: dict[int, list[str]] = {}
        for item_id, name in self._session.execute(
            statement.where(ItemMaker.item_id.in_([guess.item_id for guess in guesses]))
        ):
            names.setdefault(item_id, []).append(plain(name))
        said = [plain(maker) for maker in makers]
        weighed = [
            Guess(one.item_id, one.key, round(min(one.confidence, _likeness(said, names.get(one.item_id, []))), 3))
            for one in guesses
        ]
        return sorted(weighed, key=lambda guess: -guess.confidence)


def _likeness(said: list[str], makers: list[str]) -> float:
    """Of the likest pair of names; an item of unknown makers may be anybody's."""
    if not makers:
        return ACCEPT
    return max(fuzz.token_sort_ratio(one, other) for one in said for other in makers) / 100
