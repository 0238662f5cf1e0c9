"""Simulated raters: they use a study through the same functions as people, and are called simulated wherever they show.

They try a study out before people see it, and they prove the analysis: what they prefer is known. They judge a double
of the study, so that no seat is taken from people.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from sqlalchemy import select
from sqlalchemy.orm import Session

from neo.study import sitting
from neo.study.arms import OpenArm
from neo.study.errors import StudyError, StudyUnknown
from neo.study.spec import SIMULATED, StudySpec, parse_spec, renamed, said
from neo.study.store import add_raters, create, find
from neo.study.tables import SlotRow, StudyRow

OWN_WORDS = "Something calm and true, please"  # what they say where the file gives no message


@dataclass(frozen=True)
class Taste:
    """How simulated raters judge: Davidson's model, where every rater's own opinion scatters around a common one."""

    strengths: Mapping[str, float]
    """Log strength by arm; arms left out have 0."""
    spread: float = 0.3
    """Standard deviation of a rater's own strengths."""
    nu: float = 0.6
    """How readily they call a tie (Davidson's nu)."""
    attentive: float = 0.97

    def own(self, arms: list[str], chance: random.Random) -> dict[str, float]:
        return {arm: chance.gauss(self.strengths.get(arm, 0.0), self.spread) for arm in arms}

    def verdict(self, left: float, right: float, chance: random.Random) -> str:
        weights = (exp(left), exp(right), self.nu * exp((left + right) / 2))
        won = chance.choices(("left", "right", "tie"), weights)[0]
        return "bad" if won == "tie" and chance.random() < 0.3 else won


def double(session: Session, study: StudyRow) -> tuple[StudyRow, StudySpec]:
    """The study for simulated raters that goes with a study: the same file under the name NAME-simulated."""
    name = study.name.removesuffix(SIMULATED) + SIMULATED
    try:
        return find(session, name)
    except StudyUnknown:
        text = renamed(study.file, name)
        spec = parse_spec(text, name)
        return create(session, spec, text), spec


def simulate(
    session: Session,
    study: StudyRow,
    spec: StudySpec,
    arms: Mapping[str, OpenArm],
    taste: Taste,
    raters: int,
    seed: int,
    progress=lambda: None,
) -> None:
    """Let new simulated raters do all their tasks; commits as it goes.

    Raises StudyError where nothing is left to judge, and where people are raters.
    """
    free = select(SlotRow).where(SlotRow.study_id == study.id, SlotRow.rater_id.is_(None)).limit(1)
    if session.scalar(free) is None:
        raise StudyError(
            f"all {spec.planned} judgements of study {study.name!r} are taken, expected free ones: "
            f"simulate in another database (--database)"
        )
    for number, token in add_raters(session, study, raters, simulated=True):
        chance = random.Random(f"{seed}:{number}")
        rater = sitting.open_link(session, token)
        language = chance.choice(spec.languages)
        sitting.consent(session, rater, spec, language)
        own = taste.own(list(spec.arms), chance)
        while (here := sitting.seat(session, spec, rater)) is not None:
            while not here.ready:
                scripted = here.task.message if not here.exchanges else None
                message = said(scripted, language) if scripted else OWN_WORDS
                sitting.say(session, spec, rater, here.slot_id, message)
                sitting.answer(session, spec, rater, here.slot_id, arms)
                here = sitting.seat_in(session, spec, rater, here.slot_id)
            sides = dict(zip(here.sides, session.get(SlotRow, here.slot_id).arms, strict=True))
            for ask in sitting.asks(spec, here):
                value = _answer(ask, here, sides, own, taste, chance)
                if value is not None:
                    sitting.save(session, spec, rater, here.slot_id, ask.key, value)
            sitting.submit(session, spec, rater, here.slot_id)
        progress()


def _answer(ask: sitting.Ask, here: sitting.Seat, sides: dict, own: dict, taste: Taste, chance: random.Random):
    check = here.task.attention
    if check and check.question == ask.question.id and chance.random() < taste.attentive:
        return check.answer
    match ask.question.answer:
        case "verdict":
            return taste.verdict(own[sides["left"]], own[sides["right"]], chance)
        case "comment":
            return None
        case "scale":
            middle = (ask.question.points + 1) / 2
            liked = own[sides[ask.side]] if ask.side else 0.0
            return max(1, min(ask.question.points, round(chance.gauss(middle + liked, 1))))
    liked = own[sides[ask.side]] if ask.side else 0.0
    hit = chance.random() < 1 / (1 + exp(-liked))
    offered = [option for option in ask.question.options if (option in ask.question.hits) == hit]
    return chance.choice(offered or ask.question.options)
