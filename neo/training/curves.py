"""A run's losses as a picture."""

import json
from pathlib import Path

import numpy as np

WINDOW = 25
"""Steps that a point of a curve is the mean of."""
LOSSES = {"text": "words and plans", "codes": "codes of items"}


def draw_curves(log: Path, picture: Path) -> None:
    """The losses of every stage of a run's log, step by step, as SVG or PNG by the picture's ending."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps = [entry for entry in entries if "step" in entry]
    stages = list(dict.fromkeys(entry["stage"] for entry in steps))
    if not stages:
        return
    figure = Figure(figsize=(3 * len(stages), 3), layout="constrained")
    for axes, stage in zip(np.atleast_1d(figure.subplots(1, len(stages), sharey=True)), stages, strict=True):
        latest = {entry["step"]: entry for entry in steps if entry["stage"] == stage}  # a resumed step counts once
        for name, label in LOSSES.items():
            # A batch without labels of this kind says nothing of it.
            points = [(step, entry[name]) for step, entry in sorted(latest.items()) if entry[name]]
            if len(points) >= WINDOW:
                at, losses = np.array(points).T
                axes.plot(at[WINDOW - 1 :], np.convolve(losses, np.full(WINDOW, 1 / WINDOW), "valid"), label=label)
        axes.set(title=stage, xlabel="steps", ylim=(0, 5))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    with rc_context({"svg.fonttype": "none"}):
        figure.savefig(picture)
