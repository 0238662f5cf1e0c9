"""Options that several commands share, and how they report: plain lines and bars on standard error."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from catalog.options import DatabaseOption

__all__ = ["BaseOption", "DatabaseOption", "WeightsOption", "notes", "progress_bar", "report", "screen"]

screen, notes = Console(), Console(stderr=True)

WeightsOption = Annotated[
    Path, typer.Option("--weights", envvar="NEO_WEIGHTS", help="Folder of trained weights and SIDs.")
]
BaseOption = Annotated[
    str, typer.Option("--base", envvar="NEO_BASE", help="Base model: hub id, folder, or smollm2-135m.")
]


def report(text: str) -> None:
    """Say what is being done."""
    notes.print(text, style="dim", markup=False, highlight=False)


def progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=notes
    )
