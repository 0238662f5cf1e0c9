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
        sit(session, spec, arms, token, Mind.of(taste, spec, f"{seed}:{number}"))
        progress()


@dataclass(frozen=True)
class Mind:
    """What one simulated rater thinks."""

    taste: Taste
    language: str
    own: Mapping[str, float]
    """Strength by arm, in this rater's eyes."""
    chance: random.Random

    @classmethod
    def of(cls, taste: Taste, spec: StudySpec, seed: str) -> "Mind":
        chance = random.Random(seed)
        return cls(taste, chance.choice(spec.languages), taste.own(list(spec.arms), chance), chance)

    def answer(self, ask: sitting.Ask, here: sitting.Seat, sides: Mapping[str, str]) -> str | int | None:
        """The answer to a question of a task, where `sides` says which arm is on which side; None for no answer."""
        check = here.task.attention
        if check and check.question == ask.question.id and self.chance.random() < self.taste.attentive:
            return check.answer
        liked = self.own[sides[ask.side]] if ask.side else 0.0
        match ask.question.answer:
            case "verdict":
                return self.taste.verdict(self.own[sides["left"]], self.own[sides["right"]], self.chance)
            case "comment":
                return None
            case "scale":
                middle = (ask.question.points + 1) / 2
                return max(1, min(ask.question.points, round(self.chance.gauss(middle + liked, 1))))
        hit = self.chance.random() < 1 / (1 + exp(-liked))
        offered = [option for option in ask.question.options if (option in ask.question.hits) == hit]
        return self.chance.choice(offered or ask.question.options)


def sides_of(session: Session, here: sitting.Seat) -> dict[str, str]:
    """Side -> the arm that is there, which no rater is told."""
    return dict(zip(here.sides, session.get(SlotRow, here.slot_id).arms, strict=True))


def sit(session: Session, spec: StudySpec, arms: Mapping[str, OpenArm], token: str, mind: Mind) -> None:
    """All tasks of the rater whose link has `token`, as `mind` has it; commits as it goes."""
    rater = sitting.open_link(session, token)
    sitting.consent(session, rater, spec, mind.language)
    while (here := sitting.seat(session, spec, rater)) is not None:
        while not here.ready:
            scripted = here.task.message if not here.exchanges else None
            message = said(scripted, mind.language) if scripted else OWN_WORDS
            sitting.say(session, spec, rater, here.slot_id, message)
            sitting.answer(session, spec, rater, here.slot_id, arms)
            here = sitting.seat_in(session, spec, rater, here.slot_id)
        sides = sides_of(session, here)
        for ask in sitting.asks(spec, here):
            value = mind.answer(ask, here, sides)
            if value is not None:
                sitting.save(session, spec, rater, here.slot_id, ask.key, value)
        sitting.submit(session, spec, rater, here.slot_id)
