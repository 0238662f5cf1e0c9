"""What visitors say, before anything stands in its slots: whole sentences of `prompts/`, or clauses put together.

Only what the catalog can fulfil is drawn.
"""

import numpy as np

from neo.plan import ANY
from neo.training.meaning import PLAN_FACETS, entry_of, refuses
from neo.training.shelf import Shelf
from neo.wording import Wording, slots

CLAUSES = {  # act -> kinds of clauses that its composed wordings may have
    "recommend": ("topic", "tone", "format", "language", "like", "familiarity", "length", "without"),
    "recommend_history": ("topic", "tone", "format", "language", "familiarity", "length", "without"),
    "search": ("maker", "topic", "format", "language", "without"),
    "refine": ("topic", "tone", "format", "language", "familiarity", "length", "shorter", "without"),
}
EXCLUSIVE = {"length", "shorter"}
"""Kinds that both say how long, so that a wording has one of them at most."""
ALWAYS = {"search": "maker"}  # without a name, the same words would be a recommendation
COMPOSED = {"recommend": 0.45, "recommend_history": 0.35, "search": 0.15, "refine": 0.35}
"""Share of an act's training wordings that are composed of clauses; the others are whole sentences."""
REFUSING = 0.25
"""Share of what refuses something among the whole sentences of an act, where it has any: more of the wordings do, for
there are many ways to say so, than of what people ask."""
MOST_TRIES = 20


class Draw:
    """Random choices, all from one generator."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share


class Wordings:
    """Draws wordings of acts for a shelf; `split` picks the files, `fold` (which, of how many) one part of them."""

    def __init__(self, shelf: Shelf, draw: Draw, split: str, fold: tuple[int, int] = (0, 1)):
        self.shelf, self.draw, self.split, self.fold = shelf, draw, split, fold
        self._known: dict[tuple[str, str], tuple[list, list, list]] = {}
        self._languages = {item.language for item in shelf.items}

    def entry(self, act: str, wording: Wording) -> tuple[str, dict]:
        """A wording of an act and what of its plan is fixed; one that names what this catalog lacks is left out."""
        composed = self.split == "train" and self.draw.chance(COMPOSED.get(act, 0))
        if composed and (made := self.composed(act, wording)):
            return made
        return self.whole(act, wording)

    def whole(self, act: str, wording: Wording) -> tuple[str, dict]:
        """A whole sentence of an act; of those to train, what refuses something in its share."""
        every, wishing, refusing = self._parts(act, wording)
        if self.split == "train":
            every = refusing if refusing and self.draw.chance(REFUSING) else wishing or every
        return entry_of(self.draw.pick(every))

    def of(self, act: str, wording: Wording) -> list[str | dict]:
        """The whole sentences of an act, as `prompts/` has them: those of the fold, or all where it has none."""
        return self._parts(act, wording)[0]

    def _parts(self, act: str, wording: Wording) -> tuple[list, list, list]:
        """Those sentences, of them those that refuse nothing, and those that do; each kind has its part in a fold."""
        known = (act, wording.language)
        if known not in self._known:
            every = [entry for entry in wording.requests(self.split)[act] if self._possible(*entry_of(entry))]
            refuse = [refuses(*entry_of(entry)) for entry in every]
            wishing, refusing = (
                self._part([at for at, said in enumerate(refuse) if said == no]) for no in (False, True)
            )
            folded = [every[at] for at in sorted(wishing + refusing)]
            self._known[known] = folded or every, [every[at] for at in wishing], [every[at] for at in refusing]
        return self._known[known]

    def _part(self, positions: list[int]) -> list[int]:
        which, of = self.fold
        return positions[len(positions) * which // of : len(positions) * (which + 1) // of]

    def composed(self, act: str, wording: Wording) -> tuple[str, dict] | None:
        """A wording put together from a frame and one to three clauses, and what of its plan is fixed; None where the
        catalog has nothing for them."""
        pieces = wording.clauses()
        for _ in range(MOST_TRIES):
            count = int(self.draw.rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
            drawn = {*self.draw.rng.choice(CLAUSES[act], size=count, replace=False), ALWAYS.get(act)}
            if drawn >= EXCLUSIVE:
                continue
            kinds = [kind for kind in CLAUSES[act] if kind in drawn]
            chosen = [entry_of(self.draw.pick(pieces["clauses"][kind])) for kind in kinds]
            needs = [slot for say, _ in chosen for slot in slots(say)]
            if len(needs) == len(set(needs)) and all(self._possible(*entry) for entry in chosen):
                break
        else:
            return None
        refused = kinds[-1] == "without"
        if not refused and self.draw.chance(0.3):
            chosen = chosen[::-1]
        joined = chosen[0][0]
        for at, (say, _) in enumerate(chosen[1:], start=2):
            comma = (refused and at == len(chosen)) or self.draw.chance(0.35)
            joined += (", " if comma else " ") + say
        fixed = {key: value for _, plan in chosen for key, value in plan.items()}
        return self.draw.pick(pieces["frames"][act]).replace("{{ clauses }}", joined), fixed

    def _possible(self, say: str, fixed: dict) -> bool:
        kinds = {slot.removeprefix("not_").rstrip("2") for slot in slots(say)}
        timed = kinds & {"minutes", "hours"} or fixed.get("lengths")
        if timed and not any(item.minutes for item in self.shelf.items):
            return False
        lacking = {kind for kind in ("topic", "tone", "format", "maker") if not self.shelf.facets[kind]}
        if kinds & lacking or ("clue" in kinds and not any(item.description for item in self.shelf.items)):
            return False
        types, languages = set(fixed.get("types", ())) - {ANY}, set(fixed.get("languages", ()))
        return (
            types <= set(self.shelf.types)
            and languages <= self._languages
            and all(
                value in self.shelf.facets[field]
                for key, (field, wanted) in PLAN_FACETS.items()
                if wanted and field != "length"
                for value in fixed.get(key, ())
            )
        )
