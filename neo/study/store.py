"""Studies in the database: making one, giving out links, writing and reading what happened.

A link's token is drawn here, handed out once and kept nowhere; the database holds its hash.
"""

import secrets
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version

from sqlalchemy import Select, func, inspect, select
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
    """(number, token) of new raters; commits. The tokens cannot be read again."""
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


def decide(session: Session, study: StudyRow, rater: int, excluded: bool, because: str) -> None:
    """Record that a rater (by number) is left out of the results, or counts again. Raises StudyError."""
    found = session.scalar(select(RaterRow).where(RaterRow.study_id == study.id, RaterRow.number == rater))
    if found is None or not because.strip():
        what = f"rater {rater} is unknown" if found is None else "the reason is empty"
        raise StudyError(f"{what}, expected a rater's number and why: see `python -m neo study status {study.name}`")
    record(session, study.id, "decision", {"rater": rater, "excluded": excluded, "because": because}, found.id)
