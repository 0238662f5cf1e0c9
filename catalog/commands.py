"""python -m catalog import | diff | export | upgrade, and listener export | delete."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rapidfuzz import process
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from catalog import database as databases
from catalog import exports, queries
from catalog.errors import FileUnusable, ListenerUnknown
from catalog.options import DatabaseOption, notes, out, session_on
from catalog.records import Problem
from catalog.store import Stored
from catalog.tables import Listener

transfer_app = typer.Typer()
listener_app = typer.Typer(no_args_is_help=True, help="A listener's data: take it along, or delete it.")

SHOWN_GUESSES, SHOWN_MENDED, SHOWN_CHANGES = 20, 20, 200
PathArgument = Annotated[str, typer.Argument(metavar="PATH", help="A file, or the http(s) address of a feed.")]
AsOption = Annotated[str | None, typer.Option("--as", help="The format, if it is not recognised.")]
TypeOption = Annotated[str | None, typer.Option("--type", help="Item type where the file has none: show, audiobook.")]
MapOption = Annotated[
    list[str] | None, typer.Option("--map", help='A column\'s field, "Show Name=title"; "Column=" leaves it out.')
]
ListenerOption = Annotated[str | None, typer.Option("--listener", help="Whose history the file is.")]


class _First:
    """The first lines of many, and how many more there were."""

    def __init__(self, most: int):
        self._most, self._lines, self._count = most, [], 0

    def add(self, line: str) -> None:
        self._count += 1
        if self._count <= self._most:
            self._lines.append(line)

    def __iter__(self) -> Iterator[str]:
        yield from self._lines
        if self._count > self._most:
            yield f"... and {self._count - self._most} more"


class _Undone(Exception):
    """Ends a transaction that was only tried."""


@transfer_app.command("import")
def import_(
    path: PathArgument,
    database: DatabaseOption,
    as_: AsOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    listener: ListenerOption = None,
    columns: MapOption = None,
    item_type: TypeOption = None,
) -> None:
    """Bring your own: a table, JSON, OPML, a feed, a directory's dump, a reading list, listens. All of it or nothing.

    Doing so twice changes nothing. A row that cannot be read is told with its line, the others are imported.

    Example: python -m catalog import podcasts.opml --listener Ada
    """
    report = _run(path, database, as_, dry_run, listener, columns, item_type)
    if not dry_run and sum(report.new.values()) + report.changed:
        out.print(
            'To give them SIDs: "python -m neo sids write" (the chat does so when it starts). They can be recommended'
            ' at once, but the model knows them only by likeness until it is trained: "python -m neo train --out'
            ' runs/mine". Types it never saw need IDs of their own first: "python -m neo sids build".',
            soft_wrap=True,
            highlight=False,
        )
    if sum(report.rejected.values()) and not (report.items or report.listens or report.known_listens):
        raise typer.Exit(1)


@transfer_app.command()
def diff(
    path: PathArgument,
    database: DatabaseOption,
    as_: AsOption = None,
    listener: ListenerOption = None,
    columns: MapOption = None,
    item_type: TypeOption = None,
) -> None:
    """What an import would add and change, item by item. Changes nothing.

    Example: python -m catalog diff shows.csv
    """
    _run(path, database, as_, True, listener, columns, item_type, each=True)


@transfer_app.command()
def export(
    path: Annotated[Path, typer.Argument(help="A file that ends in .jsonl, .csv or .tsv.")],
    database: DatabaseOption,
) -> None:
    """Every item into a file that `import` reads; .jsonl keeps everything, .csv all but numbers of other catalogs.

    Example: python -m catalog export catalog.jsonl
    """
    with session_on(database) as session:
        count = exports.write_rows(path, exports.item_rows(session))
    out.print(f"{count} items in {path}", soft_wrap=True)


@transfer_app.command()
def upgrade(
    database: DatabaseOption,
    version: Annotated[str, typer.Option("--to", help="Schema version; an older one for going back.")] = "",
) -> None:
    """Bring a database of an older version up to this program's, with all that is in it.

    Example: python -m catalog upgrade
    """
    before, after = databases.upgrade(database, *filter(None, [version]))
    out.print(f"schema version {after}" + (" already." if before == after else f", before it was {before}."))


@listener_app.command("export")
def listener_export(
    name: str,
    database: DatabaseOption,
    path: Annotated[Path | None, typer.Argument(help="A .jsonl or .csv file; without one, the screen.")] = None,
) -> None:
    """All that is kept of a listener: what is said about them and the listens, as rows that `import` reads.

    Example: python -m catalog listener export Nadia nadia.jsonl
    """
    with session_on(database, may_be_empty=True) as session:
        rows = exports.listen_rows(session, _listener(session, name))
        if path is None:
            exports.write_to(sys.stdout, rows)
        else:
            out.print(f"{exports.write_rows(path, rows)} listens in {path}", soft_wrap=True)


@listener_app.command("delete")
def listener_delete(
    name: str,
    database: DatabaseOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a listener and everything kept of them.

    Example: python -m catalog listener delete Nadia
    """
    with session_on(database, may_be_empty=True) as session:
        row = _listener(session, name)
        count = len(row.listens)
        if not yes:
            typer.confirm(f"Delete {row.name} and {count} listens?", abort=True)
        session.delete(row)
    out.print(f"{name} and {count} listens are deleted.", highlight=False)


def _listener(session: Session, name: str) -> Listener:
    row = session.scalar(select(Listener).where(Listener.name == name))
    if row is None:
        names = [one.name for one in session.scalars(queries.listeners())]
        raise ListenerUnknown(name, [near for near, _, _ in process.extract(name, names, limit=3, score_cutoff=60)])
    return row


def _run(path, database, as_, dry_run, listener, columns, item_type, each: bool = False):
    from catalog.importers import importer_for
    from catalog.importers.entry import Options
    from catalog.importers.run import Hear, import_source

    options = Options(listener, _columns(columns), item_type)
    guesses, changes = _First(SHOWN_GUESSES), _First(SHOWN_CHANGES)

    def guessed(where: str, said: str, key: str, confidence: float) -> None:
        guesses.add(f"{where}: {said!r} taken for {key} ({confidence:.2f})")

    def stored(one: Stored) -> None:
        if each and one.differs:
            changes.add(f"+ {one.key}" if one.new else f"~ {one.key}: {', '.join(one.changed)}")

    with ExitStack() as stack:
        source = stack.enter_context(_source(path))
        importer = importer_for(source, as_)
        notes.print(f"{source.name}: {importer.about} (--as {importer.name})", markup=False, highlight=False)
        reading = importer.read(source, options)
        _say_columns(reading)
        engine = databases.open_database(database)
        stack.callback(engine.dispose)
        bar = stack.enter_context(_bar(source))
        hear = Hear(_say_rejected, guessed, stored, bar)
        try:
            with databases.writing_session(engine) as session:
                report = import_source(session, source, importer, reading, options, hear)
                if dry_run:
                    raise _Undone
        except _Undone:
            pass
        except DBAPIError as error:
            raise databases.refusal(engine.url, error) from error
    _say(report, guesses, changes, dry_run)
    return report


@contextmanager
def _source(path: str):
    from catalog.importers.fetch import fetched, is_address
    from catalog.importers.source import Source

    if is_address(path):
        with fetched(path) as file:
            yield Source(file, path)
    else:
        yield Source(Path(path))


@contextmanager
def _bar(source) -> Iterator:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True) as progress:
        task = progress.add_task("Importing", total=source.size)
        yield lambda: progress.update(task, completed=min(source.read_so_far, source.size))


def _columns(said: list[str] | None) -> dict[str, str]:
    chosen = {}
    for pair in said or ():
        column, equals, field = pair.rpartition("=")
        if not equals or not column:
            raise FileUnusable("the file", f"--map {pair!r} has no column", 'write it as --map "Show Name=title"')
        chosen[column] = field
    return chosen


def _say_columns(reading) -> None:
    if reading.understood:
        pairs = ", ".join(f"{column} = {field}" for column, field in reading.understood.items())
        left = f"; left out: {', '.join(reading.ignored)}" if reading.ignored else ""
        notes.print(f'columns: {pairs}{left} (correct with --map "COLUMN=field")', markup=False, highlight=False)


def _say_rejected(problem: Problem) -> None:
    notes.print(f"rejected {problem}", markup=False, highlight=False, soft_wrap=True)


def _say(report, guesses, changes, dry_run: bool) -> None:
    def line(text: str) -> None:
        out.print(text, markup=False, highlight=False, soft_wrap=True)

    mended = _First(SHOWN_MENDED)
    for (name, what), (count, first) in report.mended.items():
        mended.add(f"{name}: {what}: {count} times, first {first[:120]}")
    for text in chain(changes, guesses, mended):
        line(text)
    new = ", ".join(f"{n} new {name}{'s' * (n != 1)}" for name, n in report.new.items()) or "no new items"
    counted = [new, f"{report.changed} changed", f"{report.same} as they were"]
    if report.listens or report.known_listens:
        counted += [f"{report.listens} new listens", f"{report.known_listens} known listens"]
    line(("Would be: " if dry_run else "Done: ") + ", ".join(counted) + ".")
    rejected = sum(report.rejected.values())
    reasons = "; ".join(f"{reason} ({count})" for reason, count in report.rejected.most_common(5))
    line(f"{rejected} rows rejected" + (f": {reasons}." if rejected else "."))
