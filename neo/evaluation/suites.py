"""The suites of `python -m neo evaluate`, by name. A suite takes a bench, a number of queries, a call for progress."""

from collections.abc import Callable

from neo.evaluation.keeping import keep
from neo.evaluation.naming import names
from neo.evaluation.parts import parts
from neo.evaluation.planning import plans, questions
from neo.evaluation.recommending import recommend
from neo.evaluation.searching import search
from neo.evaluation.speed import speed
from neo.evaluation.steering import exclude, steer, valid
from neo.evaluation.talking import dialogue, explain, language, talk

SUITES: dict[str, Callable[..., dict]] = {
    "recommend": recommend,
    "search": search,
    "names": names,
    "plans": plans,
    "questions": questions,
    "steer": steer,
    "exclude": exclude,
    "valid": valid,
    "explain": explain,
    "dialogue": dialogue,
    "language": language,
    "talk": talk,
    "keep": keep,
    "parts": parts,
    "speed": speed,
}
