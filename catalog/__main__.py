"""python -m catalog load | stats | show | disable | enable | search | check, and the commands of catalog.commands."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table
from sqlalchemy.orm import Session

from catalog import check as checking
from catalog import queries
from catalog.commands import listener_app, transfer_app
from catalog.demo import load_demo
from catalog.errors import CatalogError, ItemNotFound
from catalog.lookup import find_items
from catalog.options import DatabaseOption, out, session_on
from catalog.tables import DisabledItem, Item, Listen, Listener, Maker
from catalog.vocabulary import load_vocabulary

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="""The catalog: the shows and audiobooks that the recommender may name.

    [bold]A first look[/bold]

    python -m catalog load                      the demo catalog into the database

    python -m catalog search "harry poter"      typos are forgiven

    python -m catalog show show:serial          everything known of one item

    python -m catalog import podcasts.opml      your own: CSV, JSON, OPML, feeds, dumps, reading lists

    The database is NEO_DATABASE, or a file in your data folder; --database names another one.""",
)
app.add_typer(transfer_app)
app.add_typer(listener_app, name="listener")


@app.command()
def load(database: DatabaseOption) -> None:
    """Load the demo catalog, or bring it up to date. Doing so twice changes nothing.

    Example: python -m catalog load --database sqlite:///my.db
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("items"))
    with session_on(database, may_be_empty=True) as session, Progress(*columns, console=out) as bar:
        task = bar.add_task("Loading", total=None)
        changed = load_demo(session, lambda done, total: bar.update(task, completed=done, total=total))
        count = session.scalar(queries.count_of(Item))
        bar.update(task, completed=count, total=count)
        where = session.get_bind().engine.url  # hides a password, as `database` would not
    out.print(f"{count} items in {where}" + ("." if changed else ", already up to date."), soft_wrap=True)


@app.command()
def stats(
    database: DatabaseOption,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False,
) -> None:
    """How many items, languages, makers, listeners and listens there are.

    Example: python -m catalog stats --json
    """
    with session_on(database) as session:
        figures = {
            "items": dict(session.execute(queries.counts_by_type()).all()),
            "languages": dict(session.execute(queries.counts_by_language()).all()),
            "makers": session.scalar(queries.count_of(Maker)),
            "listeners": session.scalar(queries.count_of(Listener)),
            "listens": session.scalar(queries.count_of(Listen)),
            "disabled items": session.scalar(queries.count_of(DisabledItem)),
        }
        plurals = {row.name: row.plural for row in session.scalars(queries.item_types())}
    if as_json:
        print(json.dumps(figures))
        return
    names = load_vocabulary().languages
    table = Table("what", "how many", title="The catalog")
    table.columns[1].justify = "right"
    for type_name, count in figures["items"].items():
        table.add_row(plurals[type_name], str(count))
    for code, count in figures["languages"].items():
        table.add_row(f"in {names.get(code, code)}", str(count))
    for what in ("makers", "listeners", "listens", "disabled items"):
        table.add_row(what, str(figures[what]))
    out.print(table)


@app.command()
def show(
    item: Annotated[str, typer.Argument(metavar="KEY_OR_TITLE", help="Such as show:serial, or the title.")],
    database: DatabaseOption,
) -> None:
    """Everything known of one item.

    Example: python -m catalog show "the left hand of darkness"
    """
    with session_on(database) as session:
        found = _called(session, item)
        languages = load_vocabulary().languages
        table = Table(show_header=False, title=found.title, box=None)
        for name, value in (
            ("key", found.key),
            ("by", ", ".join(maker.name for maker in found.makers)),
            ("language", languages.get(found.language, found.language)),
            ("year", found.year),
            ("minutes", found.minutes),
            ("format", found.format),
            ("topics", ", ".join(found.topics)),
            ("tones", ", ".join(found.tones)),
            ("fame", f"{found.fame} of 5"),
            ("explicit", {True: "yes", False: "no", None: None}[found.explicit]),
            ("added", found.added.date() if found.added else None),
            ("SID", found.sid or 'none yet: run "python -m neo sids build"'),
            ("disabled", "never suggested" if session.get(DisabledItem, found.id) else None),
            ("", found.description),
        ):
            if value is not None:
                table.add_row(name, str(value))
        out.print(table)


@app.command()
def disable(
    database: DatabaseOption,
    items: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY_OR_TITLE]...", help="Without any, lists what is disabled.")
    ] = None,
) -> None:
    """Keep these items, but never suggest them; a chat that runs knows it within seconds.

    Example: python -m catalog disable show:serial "the left hand of darkness"
    """
    with session_on(database) as session:
        for found in [_called(session, item) for item in items or ()]:
            session.merge(DisabledItem(item_id=found.id))
        names = [f"{one.title} ({one.key})" for one in session.scalars(queries.disabled_items())]
    out.print("Never suggested: " + ("; ".join(names) or "none"), soft_wrap=True)


@app.command()
def enable(
    items: Annotated[list[str], typer.Argument(metavar="KEY_OR_TITLE...", help="Such as show:serial, or the title.")],
    database: DatabaseOption,
) -> None:
    """Let items be suggested again.

    Example: python -m catalog enable show:serial
    """
    with session_on(database) as session:
        for found in [_called(session, item) for item in items]:
            row = session.get(DisabledItem, found.id)
            if row is not None:
                session.delete(row)
            out.print(f"{found.title} ({found.key}) " + ("may be suggested again." if row else "was not disabled."))


def _called(session: Session, name: str) -> Item:
    """The item of this key or title. Raises ItemNotFound, also where several are meant."""
    found = session.scalars(queries.items_by_key([name])).unique().first()
    if found is None:
        matches = find_items(session, name)
        if len(matches) != 1:
            raise ItemNotFound(name, [match.key for match in matches])
        found = session.scalars(queries.items_by_key([matches[0].key])).unique().one()
    return found


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="A title as you remember it, or a word of it.")],
    database: DatabaseOption,
    type_name: Annotated[str | None, typer.Option("--type", help="Only this type, such as audiobook.")] = None,
    limit: Annotated[int, typer.Option(help="How many items at most.")] = 10,
) -> None:
    """Find items by title: first by what you may have meant, then by the letters.

    Example: python -m catalog search "harry poter" --type audiobook
    """
    types = (type_name,) if type_name else ()
    with session_on(database) as session:
        said = [match.key for match in find_items(session, text, limit, types)]
        containing = [item.key for item in session.scalars(queries.search_titles(text, types, limit)).unique()]
        keys = list(dict.fromkeys(said + containing))[:limit]
        items = {item.key: item for item in session.scalars(queries.items_by_key(keys)).unique()}
        if not items:
            raise ItemNotFound(text)
        table = Table(Column("key", overflow="fold"), "title", "by", "language", "fame")
        for key in keys:
            makers = ", ".join(maker.name for maker in items[key].makers)
            table.add_row(key, items[key].title, makers, items[key].language, str(items[key].fame))
        out.print(table)


@app.command()
def check(
    database: DatabaseOption,
    files: Annotated[list[Path] | None, typer.Argument(help="Data files; without any, the database.")] = None,
) -> None:
    """Look for near-duplicates, unknown facets, missing fields, descriptions that are not English, dead references.

    Example: python -m catalog check catalog/demo/*.jsonl catalog/demo/listeners.yaml
    """
    if files:
        problems = checking.check(files)
    else:
        with session_on(database) as session:
            problems = checking.check(session)
    for problem in problems:
        out.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    out.print(f"{len(problems)} problems.")
    if problems:
        raise typer.Exit(1)


def main() -> None:
    """Runs a command; an error of ours is one line on stderr, never a traceback."""
    try:
        app()
    except CatalogError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
