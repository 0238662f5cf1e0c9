"""Requests with known meaning: a wording, its slots filled from the catalog, and the plan that this makes.

A wording names slots; an anchor item supplies what stands in them, so that something in the catalog always fits.
"""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from catalog.names import plain
from neo.format import copied_values
from neo.items import CatalogItem
from neo.plan import ANY, LENGTHS, SHORTER, Plan, Term, length_called, minutes_of
from neo.training.meaning import (
    FACET_KIND,
    SLOT_TERMS,
    check_wordings,
    entry_of,
    fixed_terms,
    term_of,
    unique,
)
from neo.training.shelf import Shelf
from neo.training.wordings import Draw, Wordings
from neo.wording import Wording, render, slots

SAID_IN_MINUTES = 90
"""The longest time that is said in minutes; others are said in whole hours."""
VOCABULARY = ("topic", "topic", "topic", "tone", "format", "not_topic", "not_topic", "not_tone")
"""What a request of vocabulary alone names, the more often the more names there are."""
VOWELS = tuple("aeiou")
UNSAID = 3
"""How many are meant where no number is said: "podcasts", or "something"."""
ENGLISH = 0.7
"""Share of English among the requests of several languages, where a stage says nothing else."""


@dataclass(frozen=True)
class Asked:
    """A request in words, the plan it means, and what it was made around."""

    text: str
    plan: Plan
    anchor: int
    """Position of the item whose facets filled the slots: it always fulfils the plan, if `plan` has types."""
    likes: tuple[int, ...] = ()
    said: Plan | None = None
    """What the words alone say, where the plan keeps something of an earlier one."""


class Requests:
    """Composes requests over a shelf in some languages; `split` picks the wordings, `fold` one part of them."""

    def __init__(
        self,
        shelf: Shelf,
        draw: Draw,
        split: str,
        languages: tuple[str, ...],
        english: float = ENGLISH,
        fold: tuple[int, int] = (0, 1),
    ):
        self.shelf, self.draw, self.languages, self.english = shelf, draw, languages, english
        for code in languages:
            check_wordings(code, split)
        self.wordings = Wordings(shelf, draw, split, fold)
        self._by_language: dict[str, list[int]] = {}
        for index, item in enumerate(shelf.items):
            self._by_language.setdefault(item.language, []).append(index)
        self.catalog_languages = tuple(
            code for code in self._by_language if code in Wording.load(languages[0]).phrases["languages"]
        )

    def wording(self) -> Wording:
        """English in its share of cases, the other languages share the rest."""
        english = self.languages == ("en",) or ("en" in self.languages and self.draw.chance(self.english))
        return Wording.load("en" if english else self.draw.pick([code for code in self.languages if code != "en"]))

    def anchor(self, language: str) -> int:
        """An item, the famous more often."""
        pool = self._by_language.get(language) or range(len(self.shelf.items))
        odds = np.array([self.shelf.items[index].fame for index in pool], dtype=float)
        return int(self.draw.rng.choice(pool, p=odds / odds.sum()))

    def ask(self, act: str, wording: Wording, slate: bool = True, most: int = 10) -> Asked:
        """A request of an act, its slots filled from one anchor item, and the plan that this means."""
        say, fixed = self.wordings.entry(act, wording)
        needs = slots(say)
        language = self.draw.pick(self.catalog_languages) if "language" in needs else wording.language
        anchor = self._anchor_for(fixed, language)
        item = self.shelf.items[anchor]
        values, terms, likes = {}, [], []
        for slot in in_order(say, needs & set(SLOT_TERMS)):
            if (filled := self.fill(slot, item, anchor, wording, terms, likes)) is None:
                return self.ask(act, wording, slate, most)
            values[slot], value, liked = filled
            likes += [liked] if liked is not None else []
            terms.append(term_of(slot, value))
        terms += fixed_terms(fixed)
        types, phrase = self.slate(wording, item, fixed, "slate" in needs, most, {term.value for term in terms})
        if "slate" in needs:
            values["slate"], said = phrase
            if said:
                after = said.field in needs and say.index(f"{{{{ {said.field} }}}}") < say.index("{{ slate")
                terms.insert(len(terms) if after else 0, said)
        languages = tuple(fixed.get("languages", ()))
        if "language" in needs:
            values["language"], languages = self.draw.pick(wording.phrases["languages"][language]), (language,)
        if "clue" in needs:
            if not item.description:
                return self.ask(act, wording, slate, most)
            values["clue"] = item.description.rstrip(".")
        plan = Plan(
            "recommend" if act == "recommend_history" else act,
            types if slate else (),
            languages,
            fixed.get("familiarity"),
            fixed.get("output") == "ids",
            (),
            unique(terms),
        )
        return Asked(self.cased(render(say, **values).strip(), plan), plan, anchor, tuple(likes))

    def vocabulary(self, wording: Wording) -> Asked:
        """Two to four facets by any of their names, each as likely as another, wanted or not: a request of few words
        that is nothing but vocabulary."""
        pieces, said, terms = wording.clauses()["clauses"], [], []
        for _ in range(int(self.draw.rng.integers(2, 5))):
            slot = self.draw.pick(VOCABULARY)
            names = sorted(self.shelf.facets[slot.removeprefix("not_")])
            entries = map(entry_of, pieces["without" if slot.startswith("not_") else slot])
            options = [say for say, _ in entries if slots(say) == {slot}]
            if not names or not options:
                continue
            value = self.draw.pick(names)
            kind = FACET_KIND[slot.removeprefix("not_")]
            name = self.draw.pick(wording.phrases[kind].get(value, [value]))
            bare = not slot.startswith("not_") and self.draw.chance(0.4)
            said.append(name if bare else render(self.draw.pick(options), **{slot: name}))
            terms.append(term_of(slot, value))
        if not terms or len({term.value for term in terms}) < len(terms):
            return self.ask("recommend", wording)
        plan = Plan("recommend", types=((ANY, 3),), terms=tuple(terms))
        return Asked(self.cased(", ".join(said), plan), plan, self.anchor(wording.language))

    def _anchor_for(self, fixed: dict, language: str) -> int:
        wanted = [(kind, set(fixed[kind])) for kind in ("topics", "tones") if fixed.get(kind)]
        formats = set(fixed.get("formats", ()))
        types = set(fixed.get("types", ()))
        most = min((int(value) for value in fixed.get("lengths", ()) if value != SHORTER), default=None)
        for _ in range(200):
            index = self.anchor(self.draw.pick(fixed["languages"]) if fixed.get("languages") else language)
            item = self.shelf.items[index]
            if (
                all(names & set(getattr(item, kind)) for kind, names in wanted)
                and (not formats or item.format in formats)
                and (not types or item.type in types)
                and (most is None or (item.minutes or np.inf) <= most)
            ):
                return index
        return self.anchor(language)

    def fill(self, slot: str, item: CatalogItem, anchor: int, wording: Wording, terms: list[Term], likes: list[int]):
        """(how it is said, its value in the plan, position if liked), or None if this item has nothing for the slot."""
        said_already = [term.value for term in terms]
        if slot in ("like", "like2"):
            liked = self._alike(anchor, likes)
            said = self.typed(self.shelf.items[liked].title)
            return said, said, liked
        if slot == "title":
            said = self.typed(item.title)
            return said, said, None
        if slot == "maker":
            said = self.draw.pick(item.makers or (None,))
            return (said, said, None) if said else None
        if slot in ("minutes", "hours"):
            return self._length(slot, item, wording)
        kind = slot.removeprefix("not_").rstrip("2")
        other = self.shelf.items[self.anchor(wording.language)]
        if kind in FACET_KIND:
            own = {
                "topic": item.topics[1:4] if slot == "topic2" else item.topics[:3],
                "tone": item.tones,
                "format": (item.format,) if item.format else (),
            }[kind]
            if slot.startswith("not_"):
                own = [name for name in getattr(other, f"{kind}s") if name not in getattr(item, f"{kind}s")]
            free = [name for name in own if name not in said_already]
            if not free:
                return None
            value = self.draw.pick(free)
            return self.draw.pick(wording.phrases[FACET_KIND[kind]].get(value, [value])), value, None
        if other.title == item.title or not other.makers or set(other.makers) & set(item.makers):
            return None
        said = other.title if slot == "not_title" else other.makers[0]
        return said, said, None

    def _length(self, slot: str, item: CatalogItem, wording: Wording) -> tuple[str, str, None] | None:
        """A time into which the item fits, in minutes or in hours, and not many times; small numbers in words too."""
        unit = 1 if slot == "minutes" else 60
        fitting = [
            length
            for length in map(minutes_of, LENGTHS)
            if item.minutes and item.minutes <= length <= 3 * item.minutes
            if (length <= SAID_IN_MINUTES if unit == 1 else length % unit == 0 and length > unit)
        ]
        if not fitting:
            return None
        length = self.draw.pick(fitting)
        said = length // unit
        in_words = said in wording.phrases["numbers"] and self.draw.chance(0.5)
        return wording.number(said) if in_words else str(said), length_called(length), None

    def _alike(self, anchor: int, used: list[int]) -> int:
        """An item that goes with the anchor: near in content or sharing topics, of any type."""
        item = self.shelf.items[anchor]
        score = self.shelf.vectors @ self.shelf.vectors[anchor] + self.draw.rng.gumbel(0, 0.06, len(self.shelf.items))
        for index in np.argsort(-score):
            other = self.shelf.items[index]
            if index != anchor and index not in used and item.shared_topics(other):
                return int(index)
        return int(np.argsort(-score)[1])

    def typed(self, title: str) -> str:
        """A title as people type it: now and then in lower case, or without its subtitle."""
        short = title.split(":")[0]
        title = short if len(short) > 4 and self.draw.chance(0.5) else title
        title = self.misspelt(title) if len(title) > 6 and self.draw.chance(0.08) else title
        return title.lower() if self.draw.chance(0.25) else title

    def cased(self, text: str, plan: Plan) -> str:
        """A message as sloppily as people type: now and then without capitals or the mark at its end, unless the mark
        belongs to a name."""
        text = text.lower() if self.draw.chance(0.15) else text
        bare = text.rstrip(" .?!")
        whole = all(value.strip().lower() in bare.lower() for value in copied_values(plan))
        return bare if bare and whole and self.draw.chance(0.15) else text

    def misspelt(self, title: str) -> str:
        """A title with two neighbouring letters swapped, or one left out."""
        at = int(self.draw.rng.integers(1, len(title) - 2))
        swapped = title[at + 1] + title[at] if self.draw.chance(0.5) else title[at]
        return title[:at] + swapped + title[at + 2 :]

    def slate(
        self, wording: Wording, item: CatalogItem, fixed: dict, said: bool, most: int, taken: Container[str] = ()
    ) -> tuple[tuple[tuple[str, int], ...], tuple[str, Term | None]]:
        """(types with counts, (phrase, the tone or topic in it or None)): what is asked for, and in which words; facets
        that are `taken` are said elsewhere."""
        if fixed.get("types"):
            return tuple((type_, min(int(count), most)) for type_, count in fixed["types"].items()), (
                wording.phrases["types"]["any"]["one"][0],
                None,
            )
        if not said:
            return ((ANY, min(int(fixed.get("count", UNSAID)), most)),), ("", None)
        kind = self.draw.rng.random()
        count = int(
            self.draw.rng.choice(
                [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], p=[0.34, 0.22, 0.2, 0.07, 0.06, 0.03, 0.02, 0.02, 0.01, 0.03]
            )
        )
        count = min(int(fixed.get("count", count)), most)
        if kind < 0.16:
            types = [(ANY, count)]
        else:
            types = [(item.type, count)]
            others = [type_ for type_ in self.shelf.types if type_ != item.type]
            if kind > 0.76 and others and count < most:
                types.append((self.draw.pick(others), min(int(self.draw.rng.integers(1, 4)), most - count)))
                types = types[::-1] if self.draw.chance(0.5) else types
        of = None
        tones, topics = ([name for name in names if name not in taken] for names in (item.tones, item.topics[:2]))
        if tones and self.draw.chance(0.2):
            of = Term("tone", self.draw.pick(tones))
        elif topics and types[0][0] != ANY and self.draw.chance(0.12):
            of = Term("topic", self.draw.pick(topics))
        parts = [self._noun_phrase(wording, type_, n, of if at == 0 else None) for at, (type_, n) in enumerate(types)]
        if types == [(ANY, 1)] and "count" not in fixed:
            types = [(ANY, min(UNSAID, most))]  # in words "something", which tells no number
        return tuple(types), (wording.joined(parts), of)

    def _noun_phrase(self, wording: Wording, type_: str, count: int, of: Term | None) -> str:
        """ "two podcasts"; of a tone or topic, "two funny podcasts"."""
        forms = wording.phrases["types"].get(type_, {"one": [type_], "many": [f"{type_}s"]})
        noun = self.draw.pick(forms["one" if count == 1 else "many"])
        if of is None:
            if type_ == ANY and count == 1:
                return noun
            if count == UNSAID and self.draw.chance(0.3):
                return noun
            return counted(self._number(wording, count, forms), noun, wording)
        said = self.draw.pick(wording.phrases[FACET_KIND[of.field]].get(of.value, [of.value]))
        if type_ == ANY and count == 1:
            return f"{noun} {said}"
        bare = of.field == "topic" and count == UNSAID and self.draw.chance(0.5)
        number = "" if bare else self._number(wording, count, forms)
        pattern = wording.phrases["types"][f"{of.field}_pattern"]
        said = of.value if "{name}" in pattern else said
        return counted(number, pattern.format(said=said, name=said, noun=noun), wording)

    def _number(self, wording: Wording, count: int, forms: dict) -> str:
        """A count in words; a noun may want an article of its own, as "eine Folge" does."""
        numbers = wording.phrases["numbers"][count]
        number = self.draw.pick(numbers)
        return forms.get("a", number) if count == 1 and number == numbers[0] else number


def in_order(say: str, names) -> list[str]:
    """Slots of a wording in the order in which they stand: a plan names things as the visitor does."""
    return sorted(names, key=lambda name: say.index(f"{{{{ {name} }}}}"))


def counted(number: str, what: str, wording: Wording) -> str:
    """ "a podcast", but "an episode": a number word may be another before vowels."""
    others = wording.phrases.get("before_vowels", {}) if plain(what).startswith(VOWELS) else {}
    return f"{others.get(number, number)} {what}".strip()
