"""What a wording means in a plan: the terms of its slots, and of what its entry in `prompts/` fixes."""

from neo.plan import SHORTER, Term, length_called

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
FACET_KIND = {"topic": "topics", "tone": "tones", "format": "formats"}
PLAN_FACETS = {
    "topics": ("topic", True),
    "tones": ("tone", True),
    "formats": ("format", True),
    "lengths": ("length", True),
    "not_topics": ("topic", False),
    "not_tones": ("tone", False),
}


def term_of(slot: str, value: str) -> Term:
    """What a slot filled with `value` asks for."""
    field, wanted = SLOT_TERMS[slot]
    return Term(field, value, wanted)


def fixed_terms(fixed: dict) -> list[Term]:
    """The facets and lengths that a wording means by itself; `prompts/` gives lengths in minutes."""
    lengths = {"lengths": [v if v == SHORTER else length_called(int(v)) for v in fixed.get("lengths", ())]}
    named = {**fixed, **lengths}
    return [Term(field, value, wanted) for key, (field, wanted) in PLAN_FACETS.items() for value in named.get(key, ())]


def unique(terms: list[Term]) -> tuple[Term, ...]:
    return tuple(dict.fromkeys(terms))
