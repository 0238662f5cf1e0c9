"""python -m neo bench trie | lookups | sids | decode | words | chat | load."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from neo.options import BaseOption, DatabaseOption, WeightsOption, progress_bar, report, screen
from neo.settings import SHIPPED_WEIGHTS, Settings

bench_app = typer.Typer(no_args_is_help=True, help="What decoding costs on this machine.")
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@bench_app.command("trie")
def bench_trie(
    items: Annotated[int, typer.Option(help="SIDs in the catalog.", min=1)] = 1_000_000,
    picture: Annotated[
        Path | None, typer.Option(help="Also measure smaller catalogs, from 1,000 items on, and draw this SVG or PNG.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The constraint against catalog size: children of a prefix, bytes an item, opening, building.

    Example: python -m neo bench trie --items 10000000
    """
    from neo.bench.tries import bench_trie, draw

    sizes = [10**power for power in range(3, 10) if 10**power < items] if picture else []
    found = []
    with progress_bar() as progress:
        bar = progress.add_task("catalogs", total=len(sizes) + 1)
        for size in [*sizes, items]:
            found.append(bench_trie(size))
            progress.advance(bar)
    if picture:
        draw(found, picture)
    _print(found[-1], as_json)


@bench_app.command("lookups")
def bench_lookups(
    items: Annotated[int, typer.Option(help="In the catalog, a SQLite file.", min=10)] = 100_000,
    as_json: JsonOption = False,
) -> None:
    """SIDs looked up in SQL: one, a reply's three in one query, and the same until whole items are there.

    Example: python -m neo bench lookups --items 1000000
    """
    from neo.bench.lookups import bench_lookups

    with progress_bar() as progress:
        bar = progress.add_task("items", total=items)
        found = bench_lookups(items, progress=lambda done: progress.advance(bar, done))
    _print(found, as_json)


@bench_app.command("sids")
def bench_sids(
    items: Annotated[int, typer.Option(help="Vectors in the file.", min=1)] = 100_000,
    width: Annotated[int, typer.Option(help="Of a vector.", min=2)] = 384,
    as_json: JsonOption = False,
) -> None:
    """SIDs of a catalog that does not fit into memory: time and memory to fit codebooks and assign every item.

    Example: python -m neo bench sids --items 1000000
    """
    from neo.bench.sids import bench_sids

    with progress_bar() as progress:
        bar = progress.add_task("made up, fitted, assigned", total=3)
        found = bench_sids(items, width, progress=lambda: progress.advance(bar))
    _print(found, as_json)


@bench_app.command("decode")
def bench_decode(
    database: DatabaseOption,
    type_: Annotated[str, typer.Option("--type", help="Item type of the span.")] = "show",
    runs: Annotated[int, typer.Option(help="Repetitions; medians are reported.", min=1)] = 3,
    as_json: JsonOption = False,
    weights: WeightsOption = SHIPPED_WEIGHTS,
    base: BaseOption = Settings().base,
) -> None:
    """A span of a reply by beam search against `generate` of transformers, side by side; and words a second."""
    from neo.bench.decode import bench_decode
    from neo.chat.assistant import open_assistant
    from neo.model.load import load_model

    settings = Settings(base=base, weights=weights, where=None)
    assistant, (model, *_) = open_assistant(settings, database, report), load_model(settings)
    with progress_bar() as progress:
        bar = progress.add_task("decoding", total=2 * runs)
        found = bench_decode(assistant, model, type_, runs, lambda: progress.advance(bar))
    _print(found, as_json)


@bench_app.command("words")
def bench_words(
    database: DatabaseOption,
    rounds: Annotated[int, typer.Option(help="Repetitions; medians are reported.", min=1)] = 5,
    as_json: JsonOption = False,
    weights: WeightsOption = SHIPPED_WEIGHTS,
    base: BaseOption = Settings().base,
) -> None:
    """Words a second against llama.cpp and ctranslate2 with the same weights, side by side.

    Needs both: pip install ctranslate2 xllamacpp
    """
    from neo.bench.words import bench_words
    from neo.chat.assistant import open_assistant
    from neo.model.load import load_model

    settings = Settings(base=base, weights=weights, where=None)
    assistant, (model, *_) = open_assistant(settings, database, report), load_model(settings)
    model.merge_adapter()
    with progress_bar() as progress:
        bar = progress.add_task("engines", total=3)
        found = bench_words(assistant, model, rounds, lambda: progress.advance(bar))
    _print(found, as_json)


@bench_app.command("chat")
def bench_chat(
    database: DatabaseOption,
    as_json: JsonOption = False,
    weights: WeightsOption = SHIPPED_WEIGHTS,
    base: BaseOption = Settings().base,
) -> None:
    """How long a visitor waits: medians over twenty different short messages, and the peak of memory."""
    from neo.chat.assistant import open_assistant
    from neo.evaluation.bench import Bench
    from neo.evaluation.speed import MESSAGES, speed

    settings = Settings(base=base, weights=weights, where=None)
    bench = Bench.of(open_assistant(settings, database, report), settings)
    with progress_bar() as progress:
        bar = progress.add_task("messages", total=len(MESSAGES))
        found = speed(bench, len(MESSAGES), lambda: progress.advance(bar))
    _print(found, as_json)


@bench_app.command("load")
def bench_load(
    database: DatabaseOption,
    visitors: Annotated[int, typer.Option(help="Visitors at the same time.", min=1)] = 8,
    messages: Annotated[int, typer.Option(help="Messages that each of them says, one after the other.", min=1)] = 3,
    as_json: JsonOption = False,
    weights: WeightsOption = SHIPPED_WEIGHTS,
    base: BaseOption = Settings().base,
) -> None:
    """Visitors who ask at the same time, through a page of their own: what each waits, and whether all are answered."""
    from neo.bench.load import bench_load
    from neo.chat.assistant import open_assistant

    assistant = open_assistant(Settings(base=base, weights=weights, where=None), database, report)
    with progress_bar() as progress:
        bar = progress.add_task("replies", total=visitors * messages)
        found = bench_load(assistant, visitors, messages, lambda: progress.advance(bar))
    _print(found, as_json)


def _print(found: dict, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found))
        return
    table = Table("", "")
    for name, value in found.items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int | float) else str(value))
    screen.print(table)
