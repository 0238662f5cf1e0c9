"""What was judged, read from the events: one frozen value a submitted slot. Flags of raters, too."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from neo.study.sitting import SIDES
from neo.study.spec import StudySpec
from neo.study.store import events_of
from neo.study.tables import RaterRow, SlotRow, StudyRow

STRAIGHT = 8
"""Equal answers on a scale, without any other, from which on a rater is called straight-lining."""


@dataclass(frozen=True)
class Answer:
    """One answered question. `shown` tells whether two raters saw the same reply."""

    question: str
    about: str
    value: str | int
    side: str | None = None
    arm: str | None = None
    turn: int | None = None
    position: int | None = None
    item: str | None = None
    title: str | None = None
    shown: str = ""


@dataclass(frozen=True)
class Judgement:
    """A submitted slot."""

    slot: int
    rater: int
    simulated: bool
    language: str
    task: str
    kind: str
    """counted, practice or attention."""
    arms: tuple[str, ...]
    sides: tuple[str, ...]
    """The arms from left to right."""
    verdict: str | None
    """first, second, tie or bad, with the arms in the order of the study's file; None in a study of single arms."""
    verdict_side: str | None
    attentive: bool | None
    seconds: float
    at: datetime
    answers: tuple[Answer, ...]
    hits: dict[str, list[list[bool | None]]]
    """By arm: for every reply, whether each item was a hit, None where nobody said; the question's `hits` say what
    counts."""
    shown: tuple[str, ...]

    @property
    def score(self) -> float:
        """Of the first arm of the pair: 1 won, 0.5 neither, 0 lost."""
        return {"first": 1.0, "second": 0.0}.get(self.verdict, 0.5)


def read(session: Session, study: StudyRow, spec: StudySpec) -> list[Judgement]:
    """All judgements in the order of their submission; who counts is decided by `counted`."""
    raters = {row.id: row for row in session.scalars(select(RaterRow).where(RaterRow.study_id == study.id))}
    slots = {row.id: row for row in session.scalars(select(SlotRow).where(SlotRow.study_id == study.id))}
    languages, replies, found = {}, {}, []
    for event in session.scalars(events_of(study.id, "consented", "reply", "submitted")):
        if event.kind == "consented":
            languages[event.rater_id] = event.data["language"]
        elif event.kind == "reply":
            replies.setdefault(event.slot_id, []).append(event.data)
        else:
            rater, slot = raters[event.rater_id], slots[event.slot_id]
            found.append(_judgement(spec, rater, slot, languages[rater.id], replies[slot.id], event))
    return found


def _judgement(spec: StudySpec, rater: RaterRow, slot: SlotRow, language: str, replies: list, event) -> Judgement:
    order = list(spec.arms)
    arms = tuple(sorted(slot.arms, key=order.index))
    task = spec.task(slot.task)
    answers = tuple(_answers(spec, slot, replies, event.data["answers"]))
    verdict_side = next((a.value for a in answers if spec.question(a.question).answer == "verdict"), None)
    verdict = verdict_side
    if verdict_side in SIDES:
        verdict = "first" if slot.arms[SIDES.index(verdict_side)] == arms[0] else "second"
    attentive = None
    if task.attention:
        given = [a.value for a in answers if a.question == task.attention.question]
        attentive = bool(given) and all(value == task.attention.answer for value in given)
    return Judgement(
        slot.id, rater.number, rater.simulated, language, task.id,
        "practice" if task.practice else "attention" if task.attention else "counted",
        arms, tuple(slot.arms), verdict, verdict_side, attentive, event.data["seconds"], event.at, answers,
        _hits(spec, replies, answers),
        tuple(_shown([r for r in replies if r["arm"] == arm]) for arm in arms),
    )  # fmt: skip


def _answers(spec: StudySpec, slot: SlotRow, replies: list[dict], answers: dict) -> Iterator[Answer]:
    for key, value in answers.items():
        name, *where = key.split(":")
        question = spec.question(name)
        side = where[0] if where else None
        turn = int(where[1]) if len(where) > 1 else None
        position = int(where[2]) if len(where) > 2 else None
        arm = slot.arms[SIDES.index(side)] if side else None
        reply = [r for r in replies if r["side"] == side and turn in (None, r["turn"])]
        card = next((c for r in reply for c in _cards(r) if c["position"] == position), None)
        item, title = (card["item"]["key"], card["item"]["title"]) if card else (None, None)
        yield Answer(name, question.about, value, side, arm, turn, position, item, title, _shown(reply))


def _cards(reply: dict) -> list[dict]:
    return [fields for (kind, fields), _ in reply["parts"] if kind == "Card"]


def _shown(replies: list[dict]) -> str:
    """A hash of what a rater saw of these replies: words and items, not their times."""
    seen = [
        fields["item"]["key"] if kind == "Card" else fields["text"]
        for reply in replies
        for (kind, fields), _ in reply["parts"]
        if kind in ("Card", "Words", "Notice")
    ]
    return sha256("\0".join(seen).encode()).hexdigest()[:16]


def _hits(spec: StudySpec, replies: list[dict], answers: tuple[Answer, ...]) -> dict[str, list[list[bool | None]]]:
    question = next((question for question in spec.questions if question.hits), None)
    found: dict[str, list[list[bool | None]]] = {}
    if question is None:
        return found
    given = {(a.side, a.turn, a.position): a.value in question.hits for a in answers if a.question == question.id}
    for reply in replies:
        cards = sorted(card["position"] for card in _cards(reply))
        row = [given.get((reply["side"], reply["turn"], position)) for position in cards]
        found.setdefault(reply["arm"], []).append(row)
    return found


def counted(judgements: list[Judgement], excluded: dict[int, str]) -> list[Judgement]:
    """Judgements that results are made of: no practice, no attention checks, nobody excluded."""
    return [each for each in judgements if each.kind == "counted" and each.rater not in excluded]


def flags(spec: StudySpec, judgements: list[Judgement]) -> dict[int, list[str]]:
    """What speaks against a rater. A flag excludes nobody; a recorded decision does."""
    found: dict[int, list[str]] = {}
    for rater in sorted({each.rater for each in judgements}):
        own = [each for each in judgements if each.rater == rater]
        reasons = []
        failed = [each.task for each in own if each.attentive is False]
        if failed:
            reasons.append(f"failed attention check {', '.join(failed)}")
        seconds = [each.seconds for each in own if each.kind == "counted" and not each.simulated]
        if seconds and median(seconds) < spec.design.quickest:
            reasons.append(f"median {median(seconds):.1f} s a judgement, under {spec.design.quickest:g} s")
        scales = [a.value for each in own for a in each.answers if spec.question(a.question).answer == "scale"]
        if len(scales) >= STRAIGHT and len(set(scales)) == 1:
            reasons.append(f"all {len(scales)} ratings are {scales[0]}")
        sides = [each.verdict_side for each in own if each.kind == "counted"]
        if len(sides) >= STRAIGHT and len(set(sides)) == 1 and sides[0] is not None:
            reasons.append(f"all {len(sides)} verdicts are {sides[0]!r}")
        if reasons:
            found[rater] = reasons
    return found
