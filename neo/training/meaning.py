"""What a wording means in a plan: the terms of its slots, and of what its entry in `prompts/` fixes."""

import re
from functools import cache

from neo.errors import PromptInvalid
from neo.plan import SHORTER, Term, length_called
from neo.wording import Wording, slots

SLOT_TERMS = {  # request slot -> (field, wanted)
    "topic": ("topic", True),
    "topic2": ("topic", True),
    "tone": ("tone", True),
    "format": ("format", True),
    "like": ("like", True),
    "like2": ("like", True),
    "maker": ("by", True),
    "title": ("title", True),
    "not_topic": ("topic", False),
    "not_tone": ("tone", False),
    "not_maker": ("by", False),
    "not_title": ("like", False),
    "minutes": ("length", True),
    "hours": ("length", True),
}
_ASKED = {*SLOT_TERMS, "slate", "language"}
SLOTS = {  # act -> slots that its wordings may have
    "recommend": _ASKED,
    "recommend_history": _ASKED,
    "search": {*_ASKED, "clue"},
    "refine": {*_ASKED, "ref"},
    "why": {"ref"},
    "describe": {"ref", "title"},
    "compare": {"ref", "ref2"},
    "profile": set(),
    "talk": set(),
}
SLOT = re.compile(r"\{\{ *(\w+)")
FACET_KIND = {"topic": "topics", "tone": "tones", "format": "formats"}
PLAN_FACETS = {
    "topics": ("topic", True),
    "tones": ("tone", True),
    "formats": ("format", True),
    "lengths": ("length", True),
    "not_topics": ("topic", False),
    "not_tones": ("tone", False),
}


def entry_of(entry: str | dict) -> tuple[str, dict]:
    """A wording and what of its plan is fixed."""
    return (entry, {}) if isinstance(entry, str) else (entry["say"], dict(entry.get("plan", {})))


@cache
def check_wordings(language: str, split: str) -> None:
    """Raises PromptInvalid for a wording that nothing can fill or answer: better now than after an hour of training."""
    wording = Wording.load(language)
    for act, entries in wording.requests(split).items():
        for entry in entries:
            say = entry_of(entry)[0]
            where = f"requests.{split}.yaml of {language!r}, act {act!r}, {say!r}"
            if unknown := set(SLOT.findall(say)) - SLOTS[act]:
                raise PromptInvalid(
                    f"{where}: slot {unknown.pop()!r} cannot be filled; "
                    f"expected {', '.join(sorted(SLOTS[act])) or 'none'}"
                )
            if act == "talk" and entry["reply"] not in wording.replies["talk"]:
                raise PromptInvalid(
                    f"{where}: no reply is for {entry['reply']!r}; expected one of {', '.join(wording.replies['talk'])}"
                )


def term_of(slot: str, value: str) -> Term:
    """What a slot filled with `value` asks for."""
    field, wanted = SLOT_TERMS[slot]
    return Term(field, value, wanted)


def fixed_terms(fixed: dict) -> list[Term]:
    """The facets and lengths that a wording means by itself; `prompts/` gives lengths in minutes."""
    lengths = {"lengths": [v if v == SHORTER else length_called(int(v)) for v in fixed.get("lengths", ())]}
    named = {**fixed, **lengths}
    return [Term(field, value, wanted) for key, (field, wanted) in PLAN_FACETS.items() for value in named.get(key, ())]


def refuses(say: str, fixed: dict) -> bool:
    """Whether a wording says of something that it is not wanted."""
    terms = (*(term_of(slot, "") for slot in slots(say) & SLOT_TERMS.keys()), *fixed_terms(fixed))
    return not all(term.wanted for term in terms)


def unique(terms: list[Term]) -> tuple[Term, ...]:
    return tuple(dict.fromkeys(terms))
