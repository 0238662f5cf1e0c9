"""Commands: python -m neo setup | sids | train | ablate | evaluate | chat | study | bench. Each has a --help."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from catalog.database import open_database, upgrade
from catalog.errors import CatalogError
from neo.bench.commands import bench_app
from neo.errors import NeoError
from neo.options import BaseOption, DatabaseOption, WeightsOption, notes, progress_bar, report, screen
from neo.prepare import prepare_catalog
from neo.settings import BUILT_SIDS, SHIPPED_WEIGHTS, Settings
from neo.sids.commands import sids_app
from neo.sids.encoder import TextEncoder
from neo.sids.store import SidBook
from neo.study.commands import study_app

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
app.add_typer(sids_app, name="sids")
app.add_typer(study_app, name="study")
app.add_typer(bench_app, name="bench")


@app.command()
def setup(database: DatabaseOption, base: BaseOption = Settings().base) -> None:
    """Prepare what the first start needs: the converted base model, the database and the demo catalog. Does only what
    is missing; an older database is upgraded."""
    from neo.model.base import PACKAGED, converted

    settings = Settings(base=base)
    if base == PACKAGED:
        converted(settings.cache, report=report)
    upgrade(database)
    book = SidBook.load(SHIPPED_WEIGHTS)
    with Session(open_database(database)) as session:
        prepare_catalog(session, book, TextEncoder(book.encoder))


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted run goes on from its checkpoint.")],
    database: DatabaseOption,
    sids: Annotated[Path, typer.Option(help="Folder with the SIDs to train on.")] = BUILT_SIDS,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Weights to go on from, with their SIDs: probe, shortcut, the last stage and readout alone. A fresh "
            "adapter learns above theirs; both are written as one."
        ),
    ] = None,
    base: BaseOption = Settings().base,
    scale: Annotated[float, typer.Option(help="Share of the recipe's conversations; 0.01 is a quick trial.")] = 1.0,
    dtype: Annotated[
        str,
        typer.Option(
            help="Backbone arithmetic: bfloat16, float32 where that is faster, or 4bit (QLoRA) or 8bit, a frozen base "
            "as bitsandbytes packs it."
        ),
    ] = "bfloat16",
    full: Annotated[
        bool, typer.Option("--full", help="Train the backbone whole, without an adapter: more memory, larger weights.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of data and initial rows.")] = 20261122,
) -> None:
    """Train on conversations composed from the catalog. Writes OUT/weights.

    Stages: probe, shortcut, grounding, capability, steering, fluency, practice, conversation, understanding,
    following, readout.

    The shipped model: `python -m neo train --out runs/demo --sids neo/weights/demo`. To use what you trained:
    `python app.py --weights runs/demo/weights`. A GPU is used where there is one; several take turns at the batches
    under `accelerate launch -m neo train ...`.
    """
    from neo.model import load
    from neo.training.listeners import Simulation, listeners_of
    from neo.training.recipe import scaled
    from neo.training.shelf import Shelf
    from neo.training.train import STAGES, Run, accelerator, run

    if dtype not in (known := ("bfloat16", "float32", *load.BITS)):
        raise NeoError(f"--dtype {dtype!r}: expected one of {', '.join(known)}")
    if full and dtype in load.BITS:
        raise NeoError(f"--full with --dtype {dtype}: a packed base stays frozen; expected bfloat16 or float32")
    if full and start:
        raise NeoError("--full with --start: weights go on as they were begun; expected one of them")
    if start and sids != BUILT_SIDS:
        raise NeoError("--sids with --start: weights bring their own SIDs; expected one of them")
    processes = accelerator()
    say = report if processes.is_main_process else (lambda text: None)
    recipe = scaled(scale, dtype=dtype, seed=seed, **({"adapter": None} if full else {}))
    book = SidBook.load(start or sids)
    encoder = TextEncoder(book.encoder)
    with processes.main_process_first(), Session(open_database(database)) as session:
        prepare_catalog(session, book, encoder)
        say("encoding the catalog")
        shelf = Shelf.of(session, encoder, book)
        listeners = listeners_of(session, shelf.items, shelf.vectors)
    say(f"listeners: {'simulated' if isinstance(listeners, Simulation) else 'recorded'}")
    settings = Settings(base=base, dtype=dtype, device=str(processes.device), weights=start or SHIPPED_WEIGHTS)
    if start:
        model, format_, *_ = load.load_model(settings, say)
        recipe = replace(recipe, adapter=load.adapter_of(start))
    else:
        languages = tuple(dict.fromkeys((*recipe.languages, *(item.language for item in shelf.items))))
        model, format_ = load.untrained(settings, book, languages, seed, say)
    with progress_bar() as progress:
        bars: dict[str, int] = {}

        def show(stage: str, done: int, total: int, loss: float) -> None:
            if not processes.is_main_process:
                return
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=total)
            progress.update(bars[stage], completed=done, description=f"{stage} (loss {loss:.2f})")

        stages = STAGES[-1:] if start else STAGES
        trained = Run(out, recipe, model, format_, shelf, listeners, encoder, processes, stages)
        run(trained, show)
    if not processes.is_main_process:
        return
    load.save(out / "weights", model, trained.probe, replace(book, pairs=trained.pairs), base)
    recipe.save(out / "weights" / "recipe.yaml")
    screen.print(f"weights are in {out / 'weights'}")


@app.command()
def ablate(
    out: Annotated[Path, typer.Option(help="Folder of the models; what it holds already is not made again.")],
    only: Annotated[list[str] | None, typer.Option(help="One variant; may be repeated. All if left out.")] = None,
    steps: Annotated[int, typer.Option(help="Steps that each model is trained for.")] = 160,
    sids: Annotated[Path, typer.Option(help="Weights whose SIDs and probe are used.")] = SHIPPED_WEIGHTS,
    base: BaseOption = Settings().base,
    dtype: Annotated[str, typer.Option(help="Backbone arithmetic in training: bfloat16 or float32.")] = "bfloat16",
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as one JSON object.")] = False,
) -> None:
    """Train small models that lack one part of the method each, and measure them: what is each part worth?

    Variants: whole, no plan, no facts, SIDs shuffled, one quantizer (for all item types), no grounding, stages merged;
    and for one task alone: search alone, history alone. Each takes a quarter of an hour on two cores.
    """
    from neo.model.probe import Probe
    from neo.training.ablations import VARIANTS, Setup, small, table
    from neo.training.ablations import ablate as run_all

    unknown = set(only or ()) - set(VARIANTS)
    if unknown:
        raise NeoError(f"variant {sorted(unknown)[0]!r} is unknown: expected one of {', '.join(VARIANTS)}")
    if dtype not in ("bfloat16", "float32"):
        raise NeoError(f"--dtype {dtype!r}: expected bfloat16 or float32")
    book, probe = SidBook.load(sids), sids / "probe.safetensors"
    if not probe.exists():
        raise NeoError(f"{sids} has no probe.safetensors: expected the folder of trained weights, not of SIDs alone")
    settings = Settings(base=base, dtype=dtype, where=None)
    common = Setup(settings, book, TextEncoder(book.encoder), small(steps, dtype), Probe.load(probe))
    with progress_bar() as progress:
        bars: dict[str, int] = {}

        def show(variant: str, stage: str, done: int, total: int, loss: float) -> None:
            name = f"{variant}: {stage}"
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=done, description=f"{name} (loss {loss:.2f})")

        figures = run_all(out, list(only or VARIANTS), common, show)
    if as_json:
        print(json.dumps(figures, indent=1))
        return
    heading, *rows = table(figures)
    shown = Table(*heading)
    for row in rows:
        shown.add_row(*row)
    screen.print(shown)


@app.command()
def evaluate(
    database: DatabaseOption,
    weights: WeightsOption = SHIPPED_WEIGHTS,
    base: BaseOption = Settings().base,
    queries_: Annotated[int, typer.Option("--queries", help="Queries a suite.")] = 160,
    suite: Annotated[list[str] | None, typer.Option(help="One suite; may be repeated. All if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the model on wordings, listeners and clues that it was not trained on. Every mean has a 95 % interval.

    Suites: recommend, search, names, plans, questions, steer, exclude, valid, explain, dialogue, language, talk, keep,
    parts, speed.
    Replies take seconds each on a CPU: `--queries 40` gives a first impression.
    """
    from neo.chat.assistant import open_assistant
    from neo.evaluation.bench import Bench
    from neo.evaluation.suites import SUITES

    unknown = set(suite or ()) - set(SUITES)
    if unknown:
        raise NeoError(f"suite {sorted(unknown)[0]!r} is unknown: expected one of {', '.join(SUITES)}")
    settings = Settings(base=base, weights=weights, where=None)
    bench = Bench.of(open_assistant(settings, database, report), settings)
    results = {}
    with progress_bar() as progress:
        for name in suite or SUITES:
            bar = progress.add_task(name, total=None)
            results[name] = SUITES[name](bench, queries_, lambda bar=bar: progress.advance(bar))
            progress.update(bar, total=1, completed=1)
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
        if isinstance(value, dict) and "interval" in value:
            low, high = value["interval"]
            yield f"{lead}{key}", f"{value['mean']:.3f}  ({low:.3f} to {high:.3f}, {value['n']})"
        elif isinstance(value, dict):
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

    assistant = open_assistant(Settings(base=base, weights=weights), database, report)
    controls = assistant.checked(Controls(tuple(type_ or ()), language, listener))
    conversation = Conversation()
    for message in once:
        parts = list(assistant.reply(conversation, message, controls))
        conversation = parts[-1].conversation
        if as_json:
            print(json.dumps(turn_as_json(parts), ensure_ascii=False), flush=True)
        else:
            screen.print(f"> {message[:200]}", style="bold", markup=False, highlight=False)
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
