"""python -m neo study COMMAND: from a file to links, raters, a report and an export."""

import csv
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from catalog.database import open_database
from neo.options import DatabaseOption, progress_bar, report, screen
from neo.study import store
from neo.study.errors import StudyError
from neo.study.spec import read_spec
from neo.study.tables import make_tables

study_app = typer.Typer(no_args_is_help=True, help="Compare systems with people: a file in, a report out.")

NameArgument = Annotated[str, typer.Argument(help="Name of the study, as its file has it.")]
RaterArgument = Annotated[int, typer.Argument(help="The rater's number.")]
FileArgument = Annotated[Path, typer.Argument(help="The study's YAML file.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder to write to; runs/study/NAME if left out.")]
AddressOption = Annotated[str, typer.Option(help="Where raters reach the page; links begin with it.")]
LOCAL = "http://127.0.0.1:7861"


@study_app.command("check")
def study_check(file: FileArgument) -> None:
    """Check a study file and say what it plans; every problem is named with its line.

    Example: python -m neo study check neo/study/example.yaml
    """
    spec, _ = read_spec(file)
    raters = -(-spec.planned // spec.tasks_each)
    screen.print(
        f"{spec.name}: {len(spec.arms)} arms, {len(spec.counted_tasks)} counted tasks x {spec.design.judgements} "
        f"judgements = {spec.planned}; {spec.tasks_each} a rater, so at least {raters} raters"
    )


@study_app.command("create")
def study_create(
    file: FileArgument,
    database: DatabaseOption,
    raters: Annotated[int, typer.Option(help="Links to make at once.", min=0)] = 0,
    address: AddressOption = LOCAL,
    out: OutOption = None,
) -> None:
    """Put a study into the database and make personal links. The file cannot change afterwards."""
    spec, text = read_spec(file)
    engine = open_database(database)
    make_tables(engine)
    with Session(engine) as session:
        study = store.create(session, spec, text)
        screen.print(f"study {spec.name!r} is created: {spec.planned} judgements")
        if raters:
            _write_links(store.add_raters(session, study, raters), spec.name, address, out)


@study_app.command("links")
def study_links(
    name: NameArgument,
    database: DatabaseOption,
    raters: Annotated[int, typer.Option(help="How many more.", min=1)] = 1,
    address: AddressOption = LOCAL,
    out: OutOption = None,
) -> None:
    """Make more personal links."""
    with Session(open_database(database)) as session:
        study, _ = store.find(session, name)
        _write_links(store.add_raters(session, study, raters), name, address, out)


def _write_links(links: list[tuple[int, str]], name: str, address: str, out: Path | None) -> None:
    folder = _folder(name, out)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "links.csv"
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(("rater", "link"))
        writer.writerows((number, f"{address}/?t={token}") for number, token in links)
    path.chmod(0o600)
    screen.print(f"{len(links)} links are in {path}; they are kept nowhere else", soft_wrap=True)


@study_app.command("serve")
def study_serve(
    name: NameArgument,
    database: DatabaseOption,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 7861,
) -> None:
    """Start the raters' page, and the organiser's at /organiser (its password: NEO_STUDY_PASSWORD, else drawn)."""
    from neo.study.arms import open_arms
    from neo.study.serve import serve

    engine = open_database(database)
    with Session(engine) as session:
        _, spec = store.find(session, name)
    serve(engine, name, open_arms(spec, database, report=report), host, port)


@study_app.command("status")
def study_status(name: NameArgument, database: DatabaseOption) -> None:
    """How far a study is, by arm and task, and which raters are flagged or stopped; who wins only when all is in."""
    from neo.study.report import progress, range_of, standings

    with Session(open_database(database)) as session:
        study, spec = store.find(session, name)
        state = progress(session, study, spec)
        duels = standings(session, study, spec, state)
    simulated = f" ({state.simulated} simulated)" if state.simulated else ""
    screen.print(
        f"{state.submitted} of {state.planned} judgements submitted, {state.taken} taken; "
        f"{state.links} links{simulated}; {state.raters} have judged; results from {state.results_after} on"
    )
    table = Table("", "submitted", "planned")
    for rows in (state.by_task, state.by_arm):
        for key, (done, planned) in rows.items():
            table.add_row(key, str(done), str(planned))
        table.add_section()
    screen.print(table)
    for duel in duels:
        won = f"{duel.arms[0]} against {duel.arms[1]}: win rate {range_of(duel.score)}, {duel.total} judgements"
        screen.print(won, markup=False, highlight=False)
    for rater, tasks in state.unfinished.items():
        screen.print(f"rater {rater} began {tasks} task{'s' if tasks > 1 else ''} and has not submitted yet")
    for rater, reasons in state.flagged.items():
        excluded = f" (excluded: {state.excluded[rater]})" if rater in state.excluded else ""
        screen.print(f"rater {rater} is flagged{excluded}: {'; '.join(reasons)}", markup=False, highlight=False)


@study_app.command("replay")
def study_replay(
    name: NameArgument,
    database: DatabaseOption,
    slot: Annotated[int | None, typer.Argument(help="The conversation's slot; lists them all if left out.")] = None,
) -> None:
    """Show a conversation as it was. Arms and answers are shown when all judgements are in.

    Example: python -m neo study replay example 7
    """
    from neo.study.replay import conversations, replay

    with Session(open_database(database)) as session:
        study, spec = store.find(session, name)
        if slot is None:
            table = Table("slot", "rater", "task", "")
            for each in conversations(session, study):
                simulated = " (simulated)" if each.simulated else ""
                table.add_row(str(each.slot), f"{each.rater}{simulated}", each.task, each.state)
            screen.print(table)
            return
        shown = replay(session, study, spec, slot)
    arms = "arms are hidden" if shown.blind else f"{' and '.join(shown.arms)} from left to right"
    lines = [f"slot {shown.slot}, task {shown.task}: {arms}"]
    for moment in shown.moments:
        said_by = [moment.data[key] for key in ("side", "arm") if key in moment.data]
        lines += [f"\n{moment.at:%Y-%m-%d %H:%M:%S} {' '.join((moment.kind, *said_by))}"]
        lines += [moment.text or json.dumps(moment.data, ensure_ascii=False)] if moment.text or moment.data else []
    screen.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


@study_app.command("report")
def study_report(
    name: NameArgument,
    database: DatabaseOption,
    out: OutOption = None,
    peek: Annotated[bool, typer.Option("--peek", help="Before all judgements are in; the report will say so.")] = False,
) -> None:
    """Write the report as HTML and as Markdown with pictures."""
    from neo.study.report import build, write

    with Session(open_database(database)) as session:
        study, spec = store.find(session, name)
        made = build(session, study, spec, peek)
    screen.print(f"report: {write(made, _folder(name, out))[0]}", soft_wrap=True)


@study_app.command("export")
def study_export(name: NameArgument, database: DatabaseOption, out: OutOption = None) -> None:
    """Write everything the study knows: CSV tables, conversations and events as JSON lines, a data dictionary.

    Before all judgements are in this counts as a look at the results, which the report will mention.
    """
    from neo.study.export import export

    with Session(open_database(database)) as session:
        study, spec = store.find(session, name)
        for path in export(session, study, spec, _folder(name, out) / "export"):
            screen.print(str(path), soft_wrap=True)


@study_app.command("exclude")
def study_exclude(
    name: NameArgument,
    rater: RaterArgument,
    database: DatabaseOption,
    because: Annotated[str, typer.Option(help="The reason; it is printed in the report.")],
) -> None:
    """Leave a rater out of the results. The decision is recorded and reported; `include` takes it back."""
    _decide(name, rater, database, excluded=True, because=because)


@study_app.command("include")
def study_include(
    name: NameArgument,
    rater: RaterArgument,
    database: DatabaseOption,
    because: Annotated[str, typer.Option(help="The reason; it is recorded.")],
) -> None:
    """Let an excluded rater count again."""
    _decide(name, rater, database, excluded=False, because=because)


def _decide(name: str, rater: int, database: str, excluded: bool, because: str) -> None:
    with Session(open_database(database)) as session:
        study, _ = store.find(session, name)
        store.decide(session, study, rater, excluded, because)


@study_app.command("release")
def study_release(
    name: NameArgument,
    rater: RaterArgument,
    database: DatabaseOption,
    because: Annotated[str, typer.Option(help="The reason; it is recorded.")],
) -> None:
    """Give the tasks that a rater began and will not finish to others. What the rater submitted still counts."""
    with Session(open_database(database)) as session:
        study, _ = store.find(session, name)
        released = store.release(session, study, rater, because)
    screen.print(f"{released} tasks of rater {rater} are free for others")


@study_app.command("simulate")
def study_simulate(
    name: NameArgument,
    database: DatabaseOption,
    raters: Annotated[int, typer.Option(help="How many simulated raters.", min=1)] = 20,
    prefer: Annotated[
        list[str] | None, typer.Option(help="Log strength of an arm, such as nearest=1; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of their judgements.")] = 0,
) -> None:
    """Try a study out with simulated raters. They judge a study of their own, NAME-simulated."""
    from neo.study.arms import open_arms
    from neo.study.report import progress
    from neo.study.simulate import Taste, double, simulate

    engine = open_database(database)
    with Session(engine) as session:
        study, spec = double(session, store.find(session, name)[0])
        screen.print(f"simulated raters judge the study {spec.name!r}", soft_wrap=True)
        taste = Taste(dict(_strength(each, tuple(spec.arms)) for each in prefer or ()))
        arms = open_arms(spec, database, report=report)
        with progress_bar() as bar:
            task = bar.add_task("simulated raters", total=raters)
            simulate(session, study, spec, arms, taste, raters, seed, lambda: bar.advance(task))
        state = progress(session, study, spec)
    screen.print(
        f"{state.submitted} of {state.planned} judgements; see: python -m neo study report {spec.name}"
        f"{'' if state.visible else ' --peek'}",
        soft_wrap=True,
    )


def _strength(text: str, arms: tuple[str, ...]) -> tuple[str, float]:
    arm, _, value = text.partition("=")
    try:
        strength = float(value)
    except ValueError:
        raise StudyError(f'--prefer {text!r}: expected an arm and a number, such as "{arms[0]}=1"') from None
    if arm not in arms:
        raise StudyError(f"--prefer {text!r}: arm {arm!r} is unknown, expected one of {', '.join(arms)}")
    return arm, strength


def _folder(name: str, out: Path | None) -> Path:
    return out or Path("runs") / "study" / name
