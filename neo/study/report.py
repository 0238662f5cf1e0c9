"""The report of a study: results in words, tables and pictures, as one HTML page and as Markdown with SVG files."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from neo.study import charts
from neo.study.analysis import FEW, Duel, Results, analyse, duels
from neo.study.assignment import slots as plan
from neo.study.errors import Hidden
from neo.study.judgements import Judgement, counted, flags, read
from neo.study.spec import ANY_LANGUAGE, StudySpec, fingerprint
from neo.study.store import app_version, events_of, exclusions, held_slots, record
from neo.study.tables import RaterRow, StudyRow

HERE = Path(__file__).parent
SIMULATED = "All raters of this report are SIMULATED. It says nothing about people."
_html = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE), undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_markdown = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Progress:
    """How far a study is; says nothing of who wins. Slots of excluded raters and released ones are in no number."""

    planned: int
    submitted: int
    taken: int
    results_after: int
    links: int
    raters: int
    simulated: int
    by_task: dict[str, tuple[int, int]]
    """task -> (submitted, planned)."""
    by_arm: dict[str, tuple[int, int]]
    flagged: dict[int, list[str]]
    excluded: dict[int, str]
    peeks: int
    unfinished: dict[int, int]
    """rater -> tasks begun and not submitted; `study release` gives them to others."""
    released: list[tuple[int, int, str]]
    """(rater, tasks, why) of begun tasks that were given to others."""
    came: tuple[int, int]
    """How many raters followed their link, and how many agreed to take part."""

    @property
    def visible(self) -> bool:
        return self.submitted >= self.results_after


def progress(session: Session, study: StudyRow, spec: StudySpec) -> Progress:
    judgements, excluded = read(session, study, spec), exclusions(session, study)
    taken, judged = held_slots(session, study), {each.slot for each in judgements}
    done, planned = [slot for slot in taken if slot.id in judged], plan(spec)
    raters = list(session.scalars(select(RaterRow).where(RaterRow.study_id == study.id)))
    by_task = {
        task.id: (sum(slot.task == task.id for slot in done), spec.design.judgements) for task in spec.counted_tasks
    }
    by_arm = {
        arm: (sum(arm in slot.arms for slot in done), sum(arm in slot.arms for slot in planned)) for arm in spec.arms
    }
    return Progress(
        spec.planned, len(done), len(taken), spec.design.results_after or spec.planned, len(raters),
        len({each.rater for each in judgements}), sum(rater.simulated for rater in raters), by_task, by_arm,
        flags(spec, judgements), excluded, len(list(session.scalars(events_of(study.id, "peeked")))),
        Counter(slot.rater.number for slot in taken if slot.id not in judged), _released(session, study),
        (_raters_with(session, study, "opened"), _raters_with(session, study, "consented")),
    )  # fmt: skip


def _released(session: Session, study: StudyRow) -> list[tuple[int, int, str]]:
    events = session.scalars(events_of(study.id, "released"))
    slots = Counter((event.data["rater"], event.data["because"]) for event in events)
    return [(rater, count, because) for (rater, because), count in slots.items()]


def _raters_with(session: Session, study: StudyRow, kind: str) -> int:
    return len({event.rater_id for event in session.scalars(events_of(study.id, kind))})


def standings(session: Session, study: StudyRow, spec: StudySpec, state: Progress) -> tuple[Duel, ...]:
    """Win rates of every pair as they are now; none before results may be seen."""
    return duels(spec, counted(read(session, study, spec), state.excluded)) if state.visible else ()


def look(session: Session, study: StudyRow, spec: StudySpec, by: str) -> Progress:
    """Progress, for somebody who is about to see results: before all judgements are in it records the peek."""
    state = progress(session, study, spec)
    if state.visible:
        return state
    record(session, study.id, "peeked", {"submitted": state.submitted, "by": by})
    return replace(state, peeks=state.peeks + 1)


@dataclass(frozen=True)
class Report:
    """All that the templates need."""

    spec: StudySpec
    title: str
    file: str
    results: Results | None
    progress: Progress
    left_out: list[tuple[int, int, str]]
    """(rater, judgements, why) of the counted tasks that results do not use."""
    uncounted: int
    """Submitted practice tasks and attention checks."""
    comments: list[tuple[str, str]]
    settings: dict[str, list[dict]]
    """By arm: every setting it answered with, usually one."""
    late: dict[str, tuple[int, int]]
    """By arm of a study of single arms: replies that came later than `design.pace`, and all."""
    pictures: dict[str, str]
    began: str
    ended: str
    app: str

    @property
    def simulated(self) -> bool:
        return self.progress.simulated > 0

    @property
    def rough(self) -> bool:
        return bool(self.results) and min(self.results.raters, self.results.tasks) < FEW


def build(session: Session, study: StudyRow, spec: StudySpec, peek: bool = False) -> Report:
    """The report as it stands. Before the planned number of judgements it raises Hidden, or records the peek."""
    state = look(session, study, spec, "report") if peek else progress(session, study, spec)
    if not (state.visible or peek):
        raise Hidden(
            f"{state.submitted} judgements, expected {state.results_after} before results are shown, so that "
            f"nobody stops when they look good: wait, or look with --peek, which the report will mention"
        )
    judgements = read(session, study, spec)
    used = counted(judgements, state.excluded)
    results = analyse(spec, used) if used else None
    times = [each.at for each in used]
    began, ended = (f"{min(times):%Y-%m-%d}", f"{max(times):%Y-%m-%d}") if times else ("", "")
    return Report(
        spec, spec.title.get("en") or next(iter(spec.title.values())), fingerprint(study.file), results, state,
        _left_out(judgements, used, state), sum(each.kind != "counted" for each in judgements),
        _comments(spec, used), _settings(session, study), _late(session, study, spec),
        dict(_pictures(spec, results)) if results else {}, began, ended, app_version(),
    )  # fmt: skip


def _left_out(judgements: list[Judgement], used: list[Judgement], state: Progress) -> list[tuple[int, int, str]]:
    kept = {each.slot for each in used}
    out = Counter(each.rater for each in judgements if each.kind == "counted" and each.slot not in kept)
    return [(rater, count, state.excluded[rater]) for rater, count in sorted(out.items())]


def _comments(spec: StudySpec, used: list[Judgement]) -> list[tuple[str, str]]:
    return [
        (each.task, str(answer.value))
        for each in used
        for answer in each.answers
        if spec.question(answer.question).answer == "comment"
    ]


def _settings(session: Session, study: StudyRow) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for event in session.scalars(events_of(study.id, "reply")):
        known = found.setdefault(event.data["arm"], [])
        if event.data["settings"] not in known:
            known.append(event.data["settings"])
    return found


def _late(session: Session, study: StudyRow, spec: StudySpec) -> dict[str, tuple[int, int]]:
    said, found = {}, {}
    if spec.side_by_side:
        return found
    for event in session.scalars(events_of(study.id, "message", "reply")):
        if event.kind == "message":
            said[event.slot_id, event.data["turn"]] = event.at
        else:
            late, total = found.get(event.data["arm"], (0, 0))
            seconds = (event.at - said[event.slot_id, event.data["turn"]]).total_seconds()
            found[event.data["arm"]] = (late + (seconds > spec.wait), total + 1)
    return found


def _pictures(spec: StudySpec, results: Results) -> Iterator[tuple[str, str]]:
    if results.duels:
        rows = [(f"{duel.arms[0]} over {duel.arms[1]}", duel.score) for duel in results.duels]
        yield "wins", charts.intervals("Win rate, a tie counts half", rows, 0, 1, 0.5)
        bars = [(f"{d.arms[0]} : {d.arms[1]}", (d.won, d.tied + d.bad, d.lost)) for d in results.duels]
        yield "verdicts", charts.stacked("Verdicts", bars, ("first better", "neither", "second better"), charts.VERDICT)
    if len(results.strengths) > 2:
        reach = max(1.0, *(max(abs(each.low), abs(each.high)) for each in results.strengths.values()))
        yield "strengths", charts.intervals("Strength", list(results.strengths.items()), -reach, reach, 0)
    for result in results.questions:
        question = result.question
        legend = [option_words(question, option) for option in question.options]
        bars = [(rating.arm, rating.counts) for rating in result.ratings]
        colours = charts.SCALE[7 - question.points :] if question.answer == "scale" else charts.COLOURS
        yield f"question-{question.id}", charts.stacked(words_of(question.words), bars, legend, colours)


def words_of(words: dict[str, str]) -> str:
    """A text of the study for a report: in English if there is one."""
    return words.get("en") or words.get(ANY_LANGUAGE) or next(iter(words.values()))


def option_words(question, option: str | int) -> str:
    choice = next((choice for choice in question.choices if choice.id == option), None)
    return words_of(choice.words) if choice else str(option)


def as_html(report: Report) -> str:
    """One page that needs nothing else: styles and pictures are in it."""
    pictures = {name: Markup(svg) for name, svg in report.pictures.items()}
    return _html.get_template("report.html.j2").render(_context(report), pictures=pictures)


def as_markdown(report: Report) -> str:
    """Markdown whose pictures are files in `pictures/` beside it."""
    return _markdown.get_template("report.md.j2").render(_context(report), cell=_cell)


def _cell(text: object) -> str:
    """A text that stays in its cell."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _context(report: Report) -> dict:
    return {
        "report": report, "results": report.results, "spec": report.spec, "state": report.progress,
        "words_of": words_of, "option_words": option_words, "range_of": range_of, "simulated_note": SIMULATED,
    }  # fmt: skip


def range_of(estimate, digits: int = 2) -> str:
    """ "0.61 [0.52, 0.70]"."""
    if estimate is None or estimate.value != estimate.value:
        return "–"
    return f"{estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def write(report: Report, folder: Path) -> list[Path]:
    """report.html, report.md and pictures/*.svg in a folder."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    files = {"report.html": as_html(report), "report.md": as_markdown(report)}
    files |= {f"pictures/{name}.svg": svg for name, svg in report.pictures.items()}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]
