"""The plan on a reply as chips that can be removed or changed: what may stand in a chip's place, and the plan after.

A chip is known by its place in the plan, such as "types:0" or "terms:2". Places and values come back from a browser,
so both are checked: a change that the chip does not offer leaves the plan as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from neo.chat.cards import line_html
from neo.chat.parts import Understood
from neo.chat.steering import chips
from neo.chat.words import words
from neo.plan import ANY, CONTROLLED, Plan, Term
from neo.sids.vocabulary import FAMILIARITIES
from neo.wording import Wording

MOST_OFFERED = 5  # of one item type; more can be said in words


@dataclass(frozen=True)
class Menu:
    """What the catalog has to offer to a plan."""

    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names by "topic", "tone", "format" and "length"."""


def places(plan: Plan) -> Iterator[str]:
    """Where each chip of `steering.chips` comes from, in the same order."""
    yield from (f"types:{at}" for at in range(len(plan.types)))
    yield from (f"languages:{at}" for at in range(len(plan.languages)))
    yield from ["familiarity"] if plan.familiarity else []
    yield from ["ids_only"] if plan.ids_only else []
    yield from (f"refs:{at}" for at in range(len(plan.refs)))
    yield from (f"terms:{at}" for at in range(len(plan.terms)))


def removed(plan: Plan, place: str) -> Plan:
    """The plan without a chip."""
    if place not in places(plan):
        return plan
    name, _, at = place.partition(":")
    if not at:
        return replace(plan, **{name: None if name == "familiarity" else False})
    values = getattr(plan, name)
    return replace(plan, **{name: values[: int(at)] + values[int(at) + 1 :]})


def choices(plan: Plan, place: str, menu: Menu) -> list[tuple[str, Plan]]:
    """(value, plan with it) of everything that may stand in a chip's place, what stands there now among it."""
    name, _, at = place.partition(":")

    def put(value: object) -> Plan:
        values = list(getattr(plan, name))
        values[int(at)] = value
        return replace(plan, **{name: tuple(values)})

    if name == "types":
        now = plan.types[int(at)]
        counts = sorted({*range(1, MOST_OFFERED + 1), now[1]})
        types = dict.fromkeys((*menu.types, ANY, now[0]))
        return [(f"{count} {type_}", put((type_, count))) for type_ in types for count in counts]
    if name == "languages":
        return [(code, put(code)) for code in dict.fromkeys((*menu.languages, plan.languages[int(at)]))]
    if name == "familiarity":
        return [(value, replace(plan, familiarity=value)) for value in FAMILIARITIES]
    if name == "terms":
        term = plan.terms[int(at)]
        names = (*menu.facets.get(term.field, ()), term.value) if term.field in CONTROLLED else (term.value,)
        return [
            (f"{'+' if wanted else '-'}{value}", put(Term(term.field, value, wanted)))
            for wanted in ((True,) if term.field == "length" else (True, False))
            for value in dict.fromkeys(names)
        ]
    return []


def changed(plan: Plan, place: str, value: str, menu: Menu) -> Plan:
    """The plan with another value in a chip's place."""
    if place not in places(plan):
        return plan
    return dict(choices(plan, place, menu)).get(value, plan)


def editor_html(understood: Understood, menu: Menu) -> str:
    """The plan as chips with a list to choose from and a button to remove."""
    plan, wording = understood.plan, Wording.load(understood.language)
    said = words(understood.language)["chip"]
    rows = []
    for at, (place, text) in enumerate(zip(places(plan), chips(plan, wording), strict=True)):
        options = "".join(
            f'<option value="{line_html(value)}"{" selected" if other == plan else ""}>'
            f"{line_html(chips(other, wording)[at])}</option>"
            for value, other in choices(plan, place, menu)
        )
        name = line_html(said["change"].format(chip=text))
        body = (
            f'<select data-do="chip" data-place="{place}" aria-label="{name}">{options}</select>'
            if options
            else f"<span>{line_html(text)}</span>"
        )
        rows.append(
            f'<li class="neo-chip">{body}<button type="button" data-do="unchip" data-place="{place}"'
            f' aria-label="{line_html(said["remove"].format(chip=text))}">×</button></li>'
        )
    label = line_html(words(understood.language)["page"]["understood"])
    return f'<ul class="neo-plan" aria-label="{label}">{"".join(rows)}</ul>' if rows else ""
