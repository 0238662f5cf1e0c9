"""Studies in the database: making one, giving out links, writing and reading what happened, decisions about raters.

A link's token is drawn here, handed out once and kept nowhere; the database holds its hash.
"""

import secrets
from collections import defaultdict
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version

from sqlalchemy import Select, delete, func, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from neo.study import assignment
from neo.study.errors import StudyError, StudyExists, StudyUnknown
from neo.study.spec import StudySpec, fingerprint, parse_spec
from neo.study.tables import EventRow, RaterRow, SlotRow, StudyRow


def app_version() -> str:
    try:
        return version("neo")
    except PackageNotFoundError:
        import tomllib
        from pathlib import Path

        return tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"]


def create(session: Session, spec: StudySpec, file: str) -> StudyRow:
    """Write a study and its slots; commits. Raises StudyExists."""
    if session.scalar(select(StudyRow).where(StudyRow.name == spec.name)):
        raise StudyExists(f"study {spec.name!r} exists, expected a new name: change `name` in the file")
    study = StudyRow(name=spec.name, file=file)
    session.add(study)
    session.flush()
    slots = assignment.slots(spec)
    session.add_all(
        SlotRow(study_id=study.id, place=place, task=slot.task, arms=list(slot.arms))
        for place, slot in enumerate(slots)
    )
    facts = {"file": fingerprint(file), "seed": spec.seed, "app": app_version(), "slots": len(slots)}
    session.add(EventRow(study_id=study.id, kind="created", data=facts))
    session.commit()
    return study


def find(session: Session, name: str) -> tuple[StudyRow, StudySpec]:
    """A study and its parsed file. Raises StudyUnknown."""
    made = inspect(session.connection()).has_table(StudyRow.__tablename__)
    study = session.scalar(select(StudyRow).where(StudyRow.name == name)) if made else None
    if study is None:
        known = ", ".join(session.scalars(select(StudyRow.name))) if made else ""
        raise StudyUnknown(
            f"no study {name!r} in this database, expected one of: {known or 'none yet'}; "
            f'make one with "python -m neo study create FILE"'
        )
    return study, parse_spec(study.file, study.name)


def add_raters(session: Session, study: StudyRow, count: int, simulated: bool = False) -> list[tuple[int, str]]:
    """(number, token) of new raters; commits. The tokens cannot be read again.

    Raises StudyError where the other kind of raters is: simulated ones take no seat from people, nor mix with them.
    """
    others = select(RaterRow).where(RaterRow.study_id == study.id, RaterRow.simulated != simulated)
    if session.scalar(others.limit(1)):
        here, wanted = ("people", "simulated raters") if simulated else ("simulated raters", "people")
        raise StudyError(
            f"study {study.name!r} has {here} as raters, expected {wanted} alone: "
            f"create the study under another name for {wanted}"
        )
    last = session.scalar(select(func.max(RaterRow.number)).where(RaterRow.study_id == study.id)) or 0
    links = [(number, secrets.token_urlsafe(18)) for number in range(last + 1, last + count + 1)]
    session.add_all(
        RaterRow(study_id=study.id, number=number, token_hash=token_hash(token), simulated=simulated)
        for number, token in links
    )
    session.commit()
    return links


def token_hash(token: str) -> str:
    """The form in which a token is kept. It is random and long, so it needs no salt."""
    return sha256(token.encode()).hexdigest()


def record(
    session: Session,
    study_id: int,
    kind: str,
    data: dict | None = None,
    rater_id: int | None = None,
    slot_id: int | None = None,
    once: str | None = None,
) -> bool:
    """Write an event and commit. False when an event with this `once` exists: then nothing was written."""
    session.add(EventRow(study_id=study_id, kind=kind, data=data or {}, rater_id=rater_id, slot_id=slot_id, once=once))
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        return False
    return True


def events_of(study_id: int, *kinds: str) -> Select[tuple[EventRow]]:
    """A study's events in the order in which they happened; of these kinds, if any are given."""
    statement = select(EventRow).where(EventRow.study_id == study_id).order_by(EventRow.id)
    return statement.where(EventRow.kind.in_(kinds)) if kinds else statement


def events_of_slot(slot_id: int, *kinds: str) -> Select[tuple[EventRow]]:
    statement = select(EventRow).where(EventRow.slot_id == slot_id).order_by(EventRow.id)
    return statement.where(EventRow.kind.in_(kinds)) if kinds else statement


def closed(slot_id: int) -> str:
    """The `once` key of what closes a slot, its submission or its release: whichever comes first."""
    return f"submitted:{slot_id}"


def exclusions(session: Session, study: StudyRow) -> dict[int, str]:
    """Excluded raters and why; the latest decision about a rater holds."""
    decided = {}
    for event in session.scalars(events_of(study.id, "decision")):
        decided[event.data["rater"]] = event.data
    return {rater: data["because"] for rater, data in decided.items() if data["excluded"]}


def decide(session: Session, study: StudyRow, rater: int, excluded: bool, because: str) -> None:
    """Record that a rater (by number) is left out of the results, or counts again; commits. Raises StudyError.

    Others judge what an excluded rater was to judge.
    """
    found = _rater(session, study, rater, because)
    record(session, study.id, "decision", {"rater": rater, "excluded": excluded, "because": because}, found.id)
    _replace_lost(session, study)


def release(session: Session, study: StudyRow, rater: int, because: str) -> int:
    """Let others judge what a rater (by number) has begun and will not finish; commits. How many slots these were.

    What the rater submitted still counts. Raises StudyError.
    """
    found = _rater(session, study, rater, because)
    taken = session.scalars(select(SlotRow.id).where(SlotRow.rater_id == found.id, SlotRow.place >= 0)).all()
    data = {"rater": rater, "because": because}
    released = sum(record(session, study.id, "released", data, found.id, slot_id, closed(slot_id)) for slot_id in taken)
    if not released:
        raise StudyError(f"rater {rater} has no open task, expected one to release: see {_status(study)}")
    _replace_lost(session, study)
    return released


def _rater(session: Session, study: StudyRow, number: int, because: str) -> RaterRow:
    found = session.scalar(select(RaterRow).where(RaterRow.study_id == study.id, RaterRow.number == number))
    if found is None or not because.strip():
        what = f"rater {number} is unknown" if found is None else "the reason is empty"
        raise StudyError(f"{what}, expected a rater's number and why: see {_status(study)}")
    return found


def _status(study: StudyRow) -> str:
    return f"`python -m neo study status {study.name}`"


def held_slots(session: Session, study: StudyRow) -> list[SlotRow]:
    """Counted slots that were taken and count: not released, their raters not excluded."""
    excluded = exclusions(session, study)
    released = set(session.scalars(events_of(study.id, "released").with_only_columns(EventRow.slot_id)))
    taken = select(SlotRow).where(SlotRow.study_id == study.id, SlotRow.place >= 0, SlotRow.rater_id.is_not(None))
    return [slot for slot in session.scalars(taken) if slot.id not in released and slot.rater.number not in excluded]


def _replace_lost(session: Session, study: StudyRow) -> None:
    """A free slot at every place that nobody holds, of the same task and arms, and none where somebody does; commits.

    Slots that were taken stay as they are: their events tell what happened in them.
    """
    held = {slot.place for slot in held_slots(session, study)}
    by_place = defaultdict(list)
    for slot in session.scalars(select(SlotRow).where(SlotRow.study_id == study.id, SlotRow.place >= 0)):
        by_place[slot.place].append(slot)
    for place, slots in by_place.items():
        if place not in held and all(slot.rater_id for slot in slots):
            session.add(SlotRow(study_id=study.id, place=place, task=slots[0].task, arms=slots[0].arms))
    surplus = [slot.id for place in held for slot in by_place[place] if slot.rater_id is None]
    # Checked again by the statement itself: a rater may take one in this moment, and then keeps it.
    session.execute(delete(SlotRow).where(SlotRow.id.in_(surplus), SlotRow.rater_id.is_(None)))
    session.commit()
