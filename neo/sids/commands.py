"""python -m neo sids build | write | stats | show."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from catalog import queries
from catalog.database import open_database
from catalog.lookup import find_items
from neo.errors import NeoError
from neo.options import DatabaseOption, WeightsOption, report, screen
from neo.settings import BUILT_SIDS, SHIPPED_WEIGHTS

sids_app = typer.Typer(no_args_is_help=True, help="Semantic IDs of the catalog's items.")


@sids_app.command("build")
def sids_build(
    database: DatabaseOption,
    out: Annotated[
        Path, typer.Option(help="Folder for codebooks and SIDs; training reads them from here.")
    ] = BUILT_SIDS,
    shape: Annotated[
        str | None, typer.Option(help="Levels and codes such as 3x64; chosen by collision rate if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the k-means.")] = 0,
    listens: Annotated[
        bool, typer.Option(help="Let what recorded listeners hear together have a part in SIDs and tastes.")
    ] = True,
) -> None:
    """Fit SIDs to the catalog anew, write them to OUT and to the database, and say what they are worth.

    Example: python -m neo sids build --shape 4x256
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
        book = store.build(session, encoder, wanted, seed, report, listens)
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
    """Collision rate, coherence and retrieval ceiling of the SIDs in WEIGHTS, on the items of the database.

    Also how well the items that are new since then fit in, and whether SIDs should be built anew."""
    from neo.sids import store
    from neo.sids.encoder import TextEncoder

    book = store.SidBook.load(weights)
    with Session(open_database(database)) as session:
        encoder = TextEncoder(book.encoder)
        measured, moved = store.measure(session, book, encoder), store.drift(session, book, encoder)
    if as_json:
        drifts = {name: {"drift": asdict(one) | {"rebuild": one.rebuild}} for name, one in moved.items()}
        print(json.dumps({name: (asdict(measured[name]) if name in measured else {}) | drifts[name] for name in moved}))
        return
    _print_stats(measured)
    for name, one in moved.items():
        fit = f", which fit with a cosine of {one.fit_new:.2f}, the others with {one.fit:.2f}" if one.new else ""
        advice = '. Build anew ("python -m neo sids build") and train' if one.rebuild else ""
        screen.print(f"{name}: {one.new} of {one.items} items are new to the model{fit}{advice}.")


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
