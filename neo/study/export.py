"""Everything a study knows as files that others can read: CSV tables, events, conversations, and what they mean.

No token is in it, and nothing of a person but what they wrote and chose.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from neo.study.assignment import slots
from neo.study.judgements import Judgement, read
from neo.study.report import look
from neo.study.spec import StudySpec
from neo.study.store import events_of, exclusions
from neo.study.tables import RaterRow, StudyRow

JUDGEMENT = {
    "slot": "number of the slot: one judgement",
    "rater": "number of the rater",
    "simulated": "1 for a simulated rater",
    "excluded": "why the rater was excluded by a decision; empty if not",
    "language": "language of the page",
    "task": "id of the task",
    "kind": "counted, practice or attention",
    "first": "first arm, in the order of the study's file",
    "second": "second arm; empty in a study of single arms",
    "left": "arm whose reply stood on the left, or the only one",
    "right": "arm whose reply stood on the right; empty in a study of single arms",
    "verdict": "first, second, tie or bad",
    "side": "the verdict as it was clicked: left, right, tie or bad",
    "attentive": "1 or 0 for attention checks, empty otherwise",
    "seconds": "from when the last reply was shown to submission",
    "at": "time of submission, UTC",
}
ANSWER = {
    "slot": "number of the slot",
    "rater": "number of the rater",
    "simulated": "1 for a simulated rater",
    "task": "id of the task",
    "kind": "counted, practice or attention",
    "question": "id of the question",
    "about": "item, reply, conversation or comparison",
    "arm": "the arm that was asked about; empty for comparisons",
    "side": "where it stood: left or right",
    "turn": "turn of the conversation, from 1",
    "position": "place of the item in its reply, from 1",
    "item": "key of the item in the catalog",
    "title": "title of the item",
    "value": "the answer",
}
ASSIGNMENT = {
    "place": "place in the order in which slots are given out, from 0; a slot keeps that of the slot it replaces",
    "task": "id of the task",
    "left": "arm whose reply stands on the left, or the only one",
    "right": "arm whose reply stands on the right; empty in a study of single arms",
}
CONVERSATION = {
    "slot": "number of the slot",
    "rater": "number of the rater",
    "simulated": "true for a simulated rater",
    "task": "id of the task",
    "arms": "arms from left to right",
    "place": "place of the slot in assignment.csv; -1 for practice and attention checks",
    "messages": "data of its `message` events, each with its time `at`",
    "replies": "data of its `reply` events, each with its time `at`",
    "submitted": "data of its `submitted` event; null if it was not submitted",
}
EVENT = {
    "id": "number of the event; later events have higher numbers",
    "at": "time, UTC",
    "kind": "what happened, see below",
    "rater": "number of the rater whom it is about; null if none",
    "slot": "number of the slot; null if none",
    "data": "what else is known, see below",
}
KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "created": (
        "the study was made",
        {"file": "hash of its file", "seed": "its seed", "app": "version of the program", "slots": "number of slots"},
    ),
    "served": (
        "the raters' page was started",
        {"app": "version of the program", "arms": "by arm, the settings it answers with"},
    ),
    "opened": ("a link was followed", {}),
    "consented": ("a rater agreed to take part", {"language": "language of the page", "text": "the words agreed to"}),
    "taken": (
        "a rater got a slot",
        {"task": CONVERSATION["task"], "arms": CONVERSATION["arms"], "place": CONVERSATION["place"]},
    ),
    "message": ("a message was sent to all sides", {"turn": "turn of the conversation, from 1", "text": "the message"}),
    "reply": (
        "an arm answered",
        {
            "turn": "turn of the conversation, from 1",
            "side": "left or right",
            "arm": "the arm",
            "settings": "what it answered with: kind, weights, prompts and catalog by hash, sampling",
            "parts": "[[kind, fields], seconds since the message] of each part: Understood (the plan), Words, Card (an "
            "item, its score and what else was near), Notice, Done (the conversation as the arm sees it, times)",
        },
    ),
    "enough": ("a rater used no more turns", {}),
    "answered": (
        "an answer was given or changed",
        {"ask": "question, with side, turn and position where it has them: listen:left:1:2",
         "value": "the answer; null if it was taken back"},
    ),
    "submitted": (
        "a rater submitted the slot",
        {"answers": "ask -> value, as they stay", "seconds": "from when the last reply was shown to submission"},
    ),
    "released": (
        "a slot that its rater will not finish was replaced by a free one",
        {"rater": "number of the rater", "because": "why"},
    ),
    "decision": (
        "a rater was left out of the results, or counts again",
        {"rater": "number of the rater", "excluded": "true for left out", "because": "why"},
    ),
    "peeked": (
        "somebody looked at results before all judgements were in",
        {"submitted": "judgements at that moment", "by": "report or export"},
    ),
}  # fmt: skip
FILES = {
    "judgements.csv": "a row a judgement",
    "answers.csv": "a row an answer; ratings of items are those with about = item",
    "conversations.jsonl": "an object a slot: messages, whole replies with plans, SIDs, scores and times, answers",
    "events.jsonl": "every event in its order, as it was written",
    "assignment.csv": "the slots in the order in which they are given out; the study's file and seed make them again",
    "study.yaml": "the study's file",
    "dictionary.md": "what files and columns mean",
}


def export(session: Session, study: StudyRow, spec: StudySpec, folder: Path) -> list[Path]:
    """Write all files into a folder. Before the planned number of judgements it records the peek."""
    look(session, study, spec, "export")
    folder.mkdir(parents=True, exist_ok=True)
    judgements, excluded = read(session, study, spec), exclusions(session, study)
    _csv(folder / "judgements.csv", JUDGEMENT, (_judgement(each, excluded) for each in judgements))
    _csv(folder / "answers.csv", ANSWER, (row for each in judgements for row in _answers(each)))
    _csv(
        folder / "assignment.csv",
        ASSIGNMENT,
        ({"place": place, "task": slot.task, "left": slot.arms[0], "right": "".join(slot.arms[1:])}
         for place, slot in enumerate(slots(spec))),
    )  # fmt: skip
    numbers = dict(session.execute(select(RaterRow.id, RaterRow.number).where(RaterRow.study_id == study.id)).all())
    events = [
        {"id": event.id, "at": event.at.isoformat(), "kind": event.kind, "rater": numbers.get(event.rater_id),
         "slot": event.slot_id, "data": event.data}
        for event in session.scalars(events_of(study.id))
    ]  # fmt: skip
    simulated = {each.rater for each in judgements if each.simulated}
    _jsonl(folder / "events.jsonl", events)
    _jsonl(folder / "conversations.jsonl", _conversations(events, simulated))
    (folder / "study.yaml").write_text(study.file, encoding="utf-8")
    (folder / "dictionary.md").write_text(dictionary(), encoding="utf-8")
    return [folder / name for name in FILES]


def _judgement(each: Judgement, excluded: dict[int, str]) -> dict:
    return {
        "slot": each.slot, "rater": each.rater, "simulated": int(each.simulated),
        "excluded": excluded.get(each.rater, ""), "language": each.language, "task": each.task, "kind": each.kind,
        "first": each.arms[0], "second": "".join(each.arms[1:]), "left": each.sides[0],
        "right": "".join(each.sides[1:]), "verdict": each.verdict, "side": each.verdict_side,
        "attentive": None if each.attentive is None else int(each.attentive), "seconds": each.seconds,
        "at": each.at.isoformat(),
    }  # fmt: skip


def _answers(each: Judgement) -> Iterator[dict]:
    for answer in each.answers:
        yield {
            "slot": each.slot, "rater": each.rater, "simulated": int(each.simulated), "task": each.task,
            "kind": each.kind, "question": answer.question, "about": answer.about, "arm": answer.arm,
            "side": answer.side, "turn": answer.turn, "position": answer.position, "item": answer.item,
            "title": answer.title, "value": answer.value,
        }  # fmt: skip


def _conversations(events: list[dict], simulated: set[int]) -> Iterator[dict]:
    by_slot: dict[int, list[dict]] = {}
    for event in events:
        if event["slot"] is not None:
            by_slot.setdefault(event["slot"], []).append(event)
    for slot, own in by_slot.items():
        taken = next(event for event in own if event["kind"] == "taken")
        submitted = next((event["data"] for event in own if event["kind"] == "submitted"), None)
        yield {
            "slot": slot,
            "rater": taken["rater"],
            "simulated": taken["rater"] in simulated,
            **taken["data"],
            "messages": [event["data"] | {"at": event["at"]} for event in own if event["kind"] == "message"],
            "replies": [event["data"] | {"at": event["at"]} for event in own if event["kind"] == "reply"],
            "submitted": submitted,
        }


def dictionary() -> str:
    """The data dictionary as Markdown."""
    columns = {
        "judgements.csv": JUDGEMENT, "answers.csv": ANSWER, "assignment.csv": ASSIGNMENT,
        "conversations.jsonl": CONVERSATION, "events.jsonl": EVENT,
    }  # fmt: skip
    lines = ["# Data dictionary", "", *_listed(FILES)]
    for name, of_file in columns.items():
        lines += ["", f"## {name}", "", *_listed(of_file)]
    for kind, (what, fields) in KINDS.items():
        lines += ["", f"### Events of kind `{kind}`: {what}", "", *(_listed(fields) or ["No data."])]
    return "\n".join(lines) + "\n"


def _listed(meanings: dict[str, str]) -> list[str]:
    return [f"- `{name}`: {what}" for name, what in meanings.items()]


def _csv(path: Path, columns: dict[str, str], rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows({key: _plain(value) for key, value in row.items()} for row in rows)


def _plain(value):
    """A raters' words must not become a formula in somebody's spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


def _jsonl(path: Path, rows) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
