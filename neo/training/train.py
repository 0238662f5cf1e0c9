"""Training: probe and shortcut (vectors alone), grounding (new rows), then capability, steering, fluency, practice,
conversation, understanding and following (adapter and rows), and readout.

A run is a folder: `recipe.yaml`, the stages' examples, a checkpoint and a log. Calling `run` again on the folder goes
on where it stopped. Several processes (`accelerate launch`) take turns at the batches and average their gradients; the
first of them writes. Sources: NEO's stages 2 and 3; AdamW betas .9/.95, weight decay .01, clip 1, cosine.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from torch import Tensor, nn

from neo.format import Format
from neo.hints import Hints
from neo.model.neo import NeoModel
from neo.model.probe import Probe
from neo.sids.encoder import TextEncoder
from neo.sids.pairs import Pairs
from neo.training.batches import Example, bucketed, collate, examples, samples
from neo.training.curves import draw_curves
from neo.training.listeners import Listeners
from neo.training.probing import Heard, act_accuracy, fit_probe, heard_in, outputs_of
from neo.training.readout import fit_readout
from neo.training.recipe import Recipe, StageConfig
from neo.training.rehearsal import rehearsal
from neo.training.requests import ENGLISH
from neo.training.shelf import Shelf
from neo.training.shortcut import fit_shortcut
from neo.training.tasks import Composer

STAGES = ("grounding", "capability", "steering", "fluency", "practice", "conversation", "understanding", "following")
"""They read tokens; probe and shortcut come before, the readout after."""
SHORTCUT, PROBE = 100, 101  # where a stage has its position among STAGES, for draws of its own
SAVE_EVERY = 100  # steps
READOUT_TOKENS = 64  # longer examples cost more than their few codes are worth


@dataclass
class Run:
    """What a training run works with."""

    folder: Path
    recipe: Recipe
    model: NeoModel
    format: Format
    shelf: Shelf
    listeners: Listeners
    encoder: TextEncoder
    processes: Accelerator = field(default_factory=lambda: accelerator())
    stages: tuple[str, ...] = STAGES
    """Those to train; a model that is trained already needs the last alone."""
    probe: Probe | None = None
    """Made by `run`."""
    unseeing: list[Probe] = field(default_factory=list)
    """Made by `run` as well: probes that have not seen one fold of the wordings, in the order of the folds."""
    pairs: Pairs = field(default_factory=Pairs)
    """Counted by `run`, for the book of the weights that it makes."""

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes."""
        return self.processes.is_main_process

    def once(self, path: Path, make: Callable[[], None]) -> None:
        """Make a file that is missing, in one process; the others wait for it."""
        if self.writes and not path.exists():
            make()
        self.processes.wait_for_everyone()


def accelerator() -> Accelerator:
    """This process among those that `accelerate launch` started, or alone. While one composes, the others wait long."""
    return Accelerator(kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(hours=12))])


def run(run: Run, progress=lambda stage, done, total, loss: None) -> None:
    """Train all stages of `run`, or what is left of them. Afterwards the model holds the result."""
    if run.writes:
        run.folder.mkdir(parents=True, exist_ok=True)
        run.recipe.save(run.folder / "recipe.yaml")
    run.model.to(run.processes.device)
    if run.model.packed:
        run.model.train()  # what a CPU reads in eval mode bitsandbytes packs anew, and that has no gradient
    kept = _rehearsal(run, progress)
    run.model.to_dtype(torch.float32 if run.recipe.dtype == "float32" else torch.bfloat16)
    if run.processes.device.type == "cpu":
        run.model.base.set_attn_implementation("eager")  # faster than the fused kernel's backward
    _probe(run, progress)
    _shortcut(run, progress)
    torch.manual_seed(run.recipe.seed)  # after what one process alone draws: all must start from one adapter
    for name in run.stages:
        if name == "capability":
            run.model.train_backbone(run.recipe.adapter)
        elif name == run.stages[0] and run.model.can_merge:
            run.model.add_adapter_above(run.recipe.further)
        run.model.to(run.processes.device)
        end = run.folder / f"{name}.pt"  # the next stage, and any ablation, starts from it
        if not end.exists():
            _train_stage(run, name, getattr(run.recipe, name), kept, progress)
        run.once(end, lambda end=end: _save(end, _weights(run.model)))
    _start_from(run, run.stages[-1])
    _readout(run, progress)
    if run.writes:
        draw_curves(run.folder / "log.jsonl", run.folder / "curves.svg")


def _start_from(run: Run, stage: str) -> None:
    """Put the weights of a stage's end into the model."""
    stored = _load(run.folder / f"{stage}.pt")
    run.model.rows.load_state_dict(stored["rows"])
    with torch.no_grad():
        for name, parameter in run.model.adapter_parameters().items():
            if name in stored["adapter"]:
                parameter.copy_(stored["adapter"][name])


def _composer(run: Run, position: int, english: float = ENGLISH, fold: tuple[int, int] = (0, 1)) -> Composer:
    rng, first = np.random.default_rng((run.recipe.seed, position, fold[0])), 1_000_000 * (position + 1)
    first += fold[0] * 1_000_000 // fold[1]
    return Composer(run.shelf, run.listeners, rng, "train", run.recipe.languages, first, english, fold)


def _probe(run: Run, progress) -> None:
    """Fit the probe and those that have not seen one fold each, or read what of them the folder holds."""
    folds = run.recipe.probe.folds

    def fitted(path: Path, heard: Heard, name: str) -> Probe:
        torch.manual_seed(run.recipe.seed)
        probe = Probe(run.encoder.width, outputs_of(run.shelf))
        losses = fit_probe(probe, heard, run.recipe.seed, partial(progress, name))
        probe.save(path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
        _log(run, {"stage": name, "held_out": [round(loss, 4) for loss in losses]})
        return probe

    paths = [run.folder / f"probe-{fold}.safetensors" for fold in range(folds)]
    last = run.folder / "probe.safetensors"

    def make() -> None:
        english = run.recipe.probe.english
        composers = [_composer(run, PROBE, english, (fold, folds)) for fold in range(folds)]
        heard = heard_in(composers, run.encoder, run.recipe.probe)
        for fold, path in enumerate(paths):
            probe = fitted(path, heard.without(fold), f"probe without fold {fold + 1}")
            _log(run, {"stage": "probe", "fold": fold + 1, "acts": round(act_accuracy(probe, heard.only(fold)), 3)})
        fitted(last, heard, "probe")

    run.once(last, make)
    run.probe, run.unseeing = Probe.load(last), list(map(Probe.load, paths))


def _shortcut(run: Run, progress) -> None:
    """Fit the shortcut, or read the one that the folder holds; it stays as it is from here on."""
    path, shortcut = run.folder / "shortcut.pt", run.model.rows.shortcut

    def make() -> None:
        config = run.recipe.shortcut
        made = samples(_composer(run, SHORTCUT), run.encoder, config)
        shortcut.requires_grad_(True)  # a model that is trained already has it still
        losses = fit_shortcut(run.model, made, config, run.recipe.seed, partial(progress, "shortcut"))
        _log(run, {"stage": "shortcut", "samples": len(made), "held_out": [round(loss, 4) for loss in losses]})
        made.pairs.save(run.folder)
        _save(path, shortcut.state_dict())

    run.once(path, make)
    shortcut.load_state_dict(_load(path))
    shortcut.requires_grad_(False)
    run.pairs = Pairs.load(run.folder)


def _log(run: Run, entry: dict) -> None:
    if not run.writes:
        return
    with (run.folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry) + "\n")


def _rehearsal(run: Run, progress) -> list[Example]:
    """The base's own English, sampled once and kept in the folder."""
    path, config = run.folder / "rehearsal-examples.npz", run.recipe

    def make() -> None:
        openings = [item.description for item in run.shelf.items if item.description]
        made = rehearsal(
            run.model,
            run.format,
            openings,
            config.rehearsal,
            config.seed,
            partial(progress, "rehearsal"),
        )
        if made:
            _save_examples(path, made)

    run.once(path, make)
    return _load_examples(path) if path.exists() else []


def _readout(run: Run, progress) -> None:
    """Fit the codes' output rows to the states of the stages' examples."""
    stages = [_examples(run, name, getattr(run.recipe, name)) for name in run.stages]
    made = [example for stage in stages for example in stage]
    losses = fit_readout(
        run.model,
        [example for example in made if len(example.ids) <= READOUT_TOKENS],
        run.format.end,
        run.recipe.seed,
        partial(progress, "readout"),
    )
    if losses:
        _log(run, {"stage": "readout", "held_out": [round(loss, 4) for loss in losses]})


def _train_stage(run: Run, name: str, stage: StageConfig, kept: list[Example], progress) -> None:
    made, among = _examples(run, name, stage), run.processes
    checkpoint = _load(run.folder / "checkpoint.pt")
    resumed = checkpoint if checkpoint and checkpoint["stage"] == name else None
    if position := run.stages.index(name):
        _start_from(run, run.stages[position - 1])
    trained = Trained(run.model, stage, run.recipe, among)  # copies what it trains, so the start has to be in place
    began = [master.detach().to("cpu", copy=True) for master in trained.masters] if stage.moved < 1 else []
    rng = np.random.default_rng((run.recipe.seed, STAGES.index(name), 1))
    if kept:
        made = made + [kept[index % len(kept)] for index in range(round(stage.rehearsed * len(made)))]
    batches = [batch for _ in range(stage.epochs) for batch in bucketed(made, stage.batch_tokens, rng)]
    batches = batches[: stage.most_steps]
    rounds = len(batches) // among.num_processes
    batches = batches[among.process_index :: among.num_processes][:rounds]
    first = 0
    if resumed:
        trained.load(resumed)
        first = resumed["step"]
    run.model.train()
    run.model.rows.shortcut.eval()  # it is not trained any more
    clock, tokens = time.time(), 0
    for step in range(first, len(batches)):
        batch = collate([made[index] for index in batches[step]], run.format.end).to(among.device)
        text, codes = run.model.loss(batch)
        code_labels = int((batch.labels >= run.model.vocabulary.control_ids.stop).sum())
        text_labels = int((batch.labels >= 0).sum()) - code_labels
        loss = (text + codes) / max(1, text_labels + code_labels)
        loss.backward()
        trained.step(rate_at(step, len(batches), stage.warmup))
        tokens += batch.ids.numel() * among.num_processes
        entry = {
            "stage": name,
            "step": step + 1,
            "of": len(batches),
            "loss": round(loss.item(), 4),
            "text": round(text.item() / max(1, text_labels), 4),
            "codes": round(codes.item() / max(1, code_labels), 4),
            "tokens_per_second": round(tokens / (time.time() - clock)),
        }
        _log(run, entry)
        progress(name, step + 1, len(batches), loss.item())
        if run.writes and (step + 1) % SAVE_EVERY == 0:
            _save(run.folder / "checkpoint.pt", {"stage": name, "step": step + 1, **trained.state()})
    if began:
        trained.go_back(began, 1 - stage.moved)


def rate_at(step: int, steps: int, warmup: int) -> float:
    """Share of the peak rate: linear warm-up, then cosine to a tenth."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


class Trained:
    """The parameters of a stage and their optimiser. Parameters in bf16 are updated through fp32 copies; gradients are
    the mean over all processes."""

    def __init__(self, model: NeoModel, stage: StageConfig, recipe: Recipe, processes: Accelerator):
        self.model, self.recipe, self.processes = model, recipe, processes
        maps = model.rows.maps()
        rows = [p for p in model.rows.parameters() if p.requires_grad and not any(p is other for other in maps)]
        groups = [
            (rows, stage.rate),
            (maps, stage.map_rate),
            (list(model.adapter_parameters().values()), stage.adapter_rate),
        ]
        groups = [(parameters, rate) for parameters, rate in groups if parameters]
        self.parameters = [p for parameters, _ in groups for p in parameters]
        self.masters = [p if p.dtype == torch.float32 else nn.Parameter(p.detach().float()) for p in self.parameters]
        self.peaks = [rate for _, rate in groups]
        masters = iter(self.masters)
        self.optimizer = torch.optim.AdamW(
            [{"params": [next(masters) for _ in parameters]} for parameters, _ in groups],
            betas=(0.9, 0.95),
            weight_decay=recipe.weight_decay,
        )

    def step(self, share: float) -> None:
        """Apply the gradients at `share` of the peak rates and clear them."""
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            if self.processes.num_processes > 1:  # all have to speak of the same parameters
                own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                master.grad = self.processes.reduce(own.float(), "mean")
            elif master is not parameter:
                master.grad = None if parameter.grad is None else parameter.grad.float()
        nn.utils.clip_grad_norm_(self.masters, self.recipe.clip)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * share
        self.optimizer.step()
        with torch.no_grad():
            for parameter, master in zip(self.parameters, self.masters, strict=True):
                if master is not parameter:
                    parameter.copy_(master)
                parameter.grad = master.grad = None

    @torch.no_grad()
    def go_back(self, began: list[Tensor], share: float) -> None:
        """Move the parameters a share of the way back to where they began."""
        for parameter, master, start in zip(self.parameters, self.masters, began, strict=True):
            parameter.copy_(master.lerp_(start.to(master.device), share))

    def state(self) -> dict:
        return {"masters": [m.detach() for m in self.masters], "optimizer": self.optimizer.state_dict()}

    @torch.no_grad()
    def load(self, state: dict) -> None:
        for parameter, master, saved in zip(self.parameters, self.masters, state["masters"], strict=True):
            master.copy_(saved)
            parameter.copy_(saved)
        self.optimizer.load_state_dict(state["optimizer"])


def _weights(model: NeoModel) -> dict:
    return {
        "rows": model.rows.state_dict(),
        "adapter": {name: p.detach() for name, p in model.adapter_parameters().items()},
    }


def _examples(run: Run, name: str, stage: StageConfig) -> list[Example]:
    """The stage's examples, composed once and kept in the folder."""
    path = run.folder / f"{name}-examples.npz"

    def make() -> None:
        made = []
        for fold, probe in enumerate(run.unseeing):
            composer = _composer(run, STAGES.index(name), stage.english, (fold, len(run.unseeing)))
            hints = Hints(probe, run.encoder, run.shelf.mentions)
            count = -(-stage.conversations // len(run.unseeing))
            made += examples(composer, run.format, hints, count, stage.mixture)
        _save_examples(path, made)

    run.once(path, make)
    return _load_examples(path)


def _save_examples(path: Path, made: list[Example]) -> None:
    """Written beside and renamed, as checkpoints are."""
    beside = path.with_suffix(".new.npz")
    np.savez_compressed(
        beside,
        lengths=[len(e.ids) for e in made],
        softs=[len(e.soft) for e in made],
        **{name: np.concatenate([getattr(e, name) for e in made]) for name in ("ids", "labels", "soft", "spans")},
        **{name: np.stack([getattr(e, name) for e in made]) for name in ("message", "listener")},
    )
    beside.replace(path)


def _load_examples(path: Path) -> list[Example]:
    with np.load(path) as stored:
        cuts, soft_cuts = np.cumsum(stored["lengths"])[:-1], np.cumsum(stored["softs"])[:-1]
        return [
            Example(*arrays)
            for arrays in zip(
                np.split(stored["ids"], cuts),
                np.split(stored["labels"], cuts),
                np.split(stored["soft"], soft_cuts),
                np.split(stored["spans"], cuts),
                stored["message"],
                stored["listener"],
                strict=True,
            )
        ]


def _save(path: Path, state: dict) -> None:
    """Written beside and renamed: an interruption leaves the previous checkpoint whole."""
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def _load(path: Path) -> dict | None:
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None
