"""Commands: python -m neo sids | train | evaluate | chat. Each teaches itself with --help."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy.orm import Session

from catalog import queries
from catalog.database import default_url, open_database
from catalog.demo import load_demo
from catalog.errors import CatalogError
from catalog.lookup import find_items
from catalog.tables import Item
from neo.errors import NeoError
from neo.settings import SHIPPED_WEIGHTS, Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
sids_app = typer.Typer(no_args_is_help=True, help="Semantic IDs of the catalog's items.")
app.add_typer(sids_app, name="sids")
screen, notes = Console(), Console(stderr=True)

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="NEO_DATABASE",
        help="URL of the catalog's database.",
        default_factory=default_url,
        show_default="a file in your data folder",
    ),
]
WeightsOption = Annotated[
    Path, typer.Option("--weights", envvar="NEO_WEIGHTS", help="Folder of trained weights and SIDs.")
]
BaseOption = Annotated[
    str, typer.Option("--base", envvar="NEO_BASE", help="Base model: hub id, folder, or smollm2-135m.")
]


def _report(text: str) -> None:
    notes.print(f"[dim]{text}[/dim]")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=notes
    )


@app.command()
def setup(database: DatabaseOption, base: BaseOption = Settings().base) -> None:
    """Prepare what the first start needs: the converted base model and the demo catalog. Does only what is missing."""
    from neo.model.base import PACKAGED, converted

    settings = Settings(base=base)
    if base == PACKAGED:
        converted(settings.cache, report=_report)
    with Session(open_database(database)) as session, _progress() as progress:
        if session.scalar(queries.count_of(Item)):
            return  # somebody's own catalog, or the demo of an earlier set-up: `python -m catalog load` refreshes it
        bar = progress.add_task("demo catalog")
        load_demo(session, lambda done, total: progress.update(bar, completed=done, total=total))
        session.commit()


# --- SIDs -------------------------------------------------------------------------------------------------------------


@sids_app.command("build")
def sids_build(
    out: Annotated[Path, typer.Option(help="Folder for codebooks and SIDs; training reads them from here.")],
    database: DatabaseOption,
    shape: Annotated[
        str | None, typer.Option(help="Levels and codes such as 3x64; chosen by collision rate if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the k-means.")] = 0,
) -> None:
    """Fit SIDs to the catalog anew, write them to OUT and to the database, and say what they are worth.

    Example: python -m neo sids build --out runs/mine
    """
    from neo.sids import store
    from neo.sids.encoder import TextEncoder

    wanted = None
    if shape:
        levels, times, codes = shape.partition("x")
        if not (times and levels.isdigit() and codes.isdigit()):
            raise NeoError(f'--shape {shape!r}: expected levels x codes, such as "3x64"')
        wanted = (int(levels), int(codes))
    with Session(open_database(database)) as session:
        encoder = TextEncoder()
        book = store.build(session, encoder, wanted, seed, _report)
        book.save(out)
        store.write(session, book, encoder)
        session.commit()
    _print_stats(book.stats)
    screen.print(f"written to {out} and to the database")


@sids_app.command("write")
def sids_write(database: DatabaseOption, weights: WeightsOption = SHIPPED_WEIGHTS) -> None:
    """Give the items of the database the SIDs that came with WEIGHTS; new items get theirs from its codebooks."""
    from neo.sids import store
    from neo.sids.encoder import TextEncoder

    book = store.SidBook.load(weights)
    with Session(open_database(database)) as session:
        new = store.write(session, book, TextEncoder(book.encoder))
        session.commit()
    screen.print(f"{len(book.assigned)} SIDs known to the model, {new} items new to it")


@sids_app.command("stats")
def sids_stats(
    database: DatabaseOption,
    weights: WeightsOption = SHIPPED_WEIGHTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Collision rate, coherence and retrieval ceiling of the SIDs in WEIGHTS, on the items of the database."""
    from neo.sids import store
    from neo.sids.encoder import TextEncoder

    book = store.SidBook.load(weights)
    with Session(open_database(database)) as session:
        measured = store.measure(session, book, TextEncoder(book.encoder))
    if as_json:
        from dataclasses import asdict

        print(json.dumps({name: asdict(one) for name, one in measured.items()}))
    else:
        _print_stats(measured)


@sids_app.command("show")
def sids_show(
    name: Annotated[str, typer.Argument(help='An item\'s key or title, such as "Serial".')], database: DatabaseOption
) -> None:
    """The SID of an item, and the items that share the most of it.

    Example: python -m neo sids show "Serial"
    """
    with Session(open_database(database)) as session:
        row = session.scalars(queries.items_by_key([name])).unique().first()
        if row is None:
            matches = find_items(session, name, limit=1)
            if not matches:
                raise NeoError(f'no item is called {name!r}: try "python -m catalog search {name}"')
            row = session.scalars(queries.items_by_id([matches[0].item_id])).unique().one()
        if row.sid is None:
            raise NeoError(f'no SID for item {row.key!r}: run "python -m neo sids write"')
        screen.print(f"[bold]{row.title}[/bold]  {row.sid}")
        codes = row.sid.split(":")[1].split("-")
        for depth in range(len(codes) - 1, 0, -1):
            prefix = f"{row.type}:{'-'.join(codes[:depth])}-"
            others = [
                other for other in session.scalars(queries.items_by_sid_prefix(prefix)).unique() if other.id != row.id
            ]
            names = ", ".join(other.title for other in others[:12]) or "none"
            screen.print(f"  sharing {depth} {'code' if depth == 1 else 'codes'} ({len(others)}): {names}")


def _print_stats(measured: dict) -> None:
    table = Table(
        "type", "items", "levels x codes", "collisions", "coherence", "any two items", "found in top 10 by SID"
    )
    for name, one in measured.items():
        table.add_row(
            name,
            str(one.items),
            f"{one.levels} x {one.codes}",
            f"{one.collision_rate:.1%}",
            f"{one.coherence:.3f}",
            f"{one.baseline:.3f}",
            f"{one.ceiling:.1%}",
        )
    screen.print(table)


# --- model ------------------------------------------------------------------------------------------------------------


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted run goes on from its checkpoint.")],
    database: DatabaseOption,
    weights: Annotated[Path, typer.Option(help="Folder with the SIDs to train on.")] = SHIPPED_WEIGHTS,
    base: BaseOption = Settings().base,
    scale: Annotated[float, typer.Option(help="Share of the recipe's conversations; 0.01 is a quick trial.")] = 1.0,
    dtype: Annotated[
        str, typer.Option(help="Backbone arithmetic: bfloat16, or float32 where that is faster.")
    ] = "bfloat16",
    seed: Annotated[int, typer.Option(help="Seed of data and initial rows.")] = 20261122,
) -> None:
    """Train grounding, then capability, on conversations composed from the catalog; write weights to OUT/weights.

    The shipped model is `python -m neo train --out runs/demo` on the demo catalog. To use a trained model:
    `python app.py --weights OUT/weights`.
    """
    from neo.model import load
    from neo.sids.encoder import TextEncoder
    from neo.sids.store import SidBook
    from neo.training.recipe import scaled
    from neo.training.shelf import Shelf
    from neo.training.train import Run, run

    recipe = scaled(scale, dtype=dtype, seed=seed)
    book = SidBook.load(weights)
    encoder = TextEncoder(book.encoder)
    with Session(open_database(database)) as session:
        _report("encoding the catalog")
        shelf = Shelf.of(session, encoder)
    if not shelf.items:
        raise NeoError(
            'no item of the database has a SID: run "python -m neo sids build" or "python -m neo sids write"'
        )
    settings = Settings(base=base)
    model, format_ = load.untrained(settings, book, recipe.languages, seed, _report)
    with _progress() as progress:
        bars: dict[str, int] = {}

        def show(stage: str, done: int, total: int, loss: float) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=total)
            progress.update(bars[stage], completed=done, description=f"{stage} (loss {loss:.2f})")

        run(Run(out, recipe, model, format_, shelf, encoder), show)
    load.save(out / "weights", model, book, base, recipe.adapter)
    recipe.save(out / "weights" / "recipe.yaml")
    screen.print(f"weights are in {out / 'weights'}")


@app.command()
def evaluate(
    database: DatabaseOption,
    weights: WeightsOption = SHIPPED_WEIGHTS,
    base: BaseOption = Settings().base,
    queries_: Annotated[int, typer.Option("--queries", help="Queries a suite.")] = 160,
    suite: Annotated[list[str] | None, typer.Option(help="recommend, search or steer; all if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure recommending and searching against baselines, and steering with and without plan enforcement and trie."""
    from neo.evaluation.suites import SUITES, Bench
    from neo.model.load import load

    unknown = set(suite or ()) - set(SUITES)
    if unknown:
        raise NeoError(f"suite {sorted(unknown)[0]!r} is unknown: expected one of {', '.join(SUITES)}")
    loaded = load(Settings(base=base, weights=weights), _report)
    with Session(open_database(database)) as session:
        bench = Bench.of(session, loaded)
    results = {}
    with _progress() as progress:
        for name in suite or SUITES:
            bar = progress.add_task(name, total=SUITES[name].steps(queries_))
            results[name] = SUITES[name].measure(bench, queries_, lambda: progress.advance(bar))
    if as_json:
        print(json.dumps(results, indent=1))
    else:
        for name, result in results.items():
            _print_result(name, result)


def _print_result(name: str, result: dict) -> None:
    table = Table(name, "")
    for path, value in _flat(result):
        table.add_row(path, str(value))
    screen.print(table)


def _flat(result: dict, lead: str = ""):
    for key, value in result.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{lead}{key} · ")
        else:
            yield f"{lead}{key}", value


@app.command()
def chat(
    database: DatabaseOption,
    once: Annotated[
        list[str], typer.Option("--once", help="A message; repeat it for a conversation of several turns.")
    ],
    listener: Annotated[str | None, typer.Option(help="Name of a listener whose history counts.")] = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="Only items of this type; may be repeated.")] = None,
    language: Annotated[str | None, typer.Option(help="Only items in this language, such as es.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a turn.")] = False,
    weights: WeightsOption = SHIPPED_WEIGHTS,
    base: BaseOption = Settings().base,
) -> None:
    """Answer messages from a script, in one conversation.

    Example: python -m neo chat --once "two shows like Serial" --once "why the second one?"
    """
    from neo.chat.assistant import open_assistant
    from neo.chat.parts import Controls, Conversation
    from neo.chat.transcript import as_json as turn_as_json
    from neo.chat.transcript import as_text

    assistant = open_assistant(Settings(base=base, weights=weights), database, _report)
    controls = assistant.checked(Controls(tuple(type_ or ()), language, listener))
    conversation = Conversation()
    for message in once:
        parts = list(assistant.reply(conversation, message, controls))
        conversation = parts[-1].conversation
        if as_json:
            print(json.dumps(turn_as_json(parts), ensure_ascii=False), flush=True)
        else:
            screen.print(f"[bold]> {message if len(message) < 200 else message[:200] + '…'}[/bold]", markup=True)
            screen.print(as_text(parts), markup=False, highlight=False)


def main() -> None:
    """Run a command; what a user can mend is one line on standard error, without a traceback."""
    try:
        app()
    except (NeoError, CatalogError) as error:
        notes.print(f"error: {error}", markup=False, highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
