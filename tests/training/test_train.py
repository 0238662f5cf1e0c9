"""A whole training in miniature: it learns, it can be interrupted, and it goes on where it stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from neo.errors import SettingInvalid
from neo.hints import Hints
from neo.model import load
from neo.model.adapters import AdapterConfig
from neo.model.probe import Probe
from neo.settings import Settings
from neo.training import train
from neo.training.batches import collate
from neo.training.listeners import Simulation
from neo.training.readout import fit_readout
from neo.training.recipe import ProbeConfig, Recipe, ShortcutConfig, StageConfig
from neo.training.rehearsal import OPENING, rehearsal
from neo.wording import LANGUAGES
from tests import tiny
from tests.training.test_tasks import SHELF

LISTENERS = Simulation(SHELF.items, SHELF.vectors)
BOOK = tiny.book({"show": (2, 8), "audiobook": (2, 8)})


class FakeEncoder:
    """Vectors by length of text: real enough to train on."""

    name = "usem3"
    width = tiny.WIDTH

    def encode(self, texts, batch=64, progress=lambda done: None):
        return np.stack([np.random.default_rng(len(text)).normal(size=self.width) for text in texts]).astype(np.float32)


def recipe(dtype="float32"):
    stage = StageConfig(
        conversations=24,
        mixture={"ground": {"codes": 0.5}, "recommend": {"plan": 0.5}},
        rate=1e-2,
        adapter_rate=1e-2,
        warmup=2,
        rehearsed=0.1,
        batch_tokens=256,
    )
    return replace(
        Recipe(),
        dtype=dtype,
        rehearsal=4,
        adapter=AdapterConfig(rank=2),
        languages=("en", "es"),
        **dict.fromkeys(train.STAGES, stage) | {"capability": replace(stage, moved=0.65)},
        probe=ProbeConfig(conversations=24, folds=2),
        shortcut=ShortcutConfig(conversations=24, mixture={"ground": {"codes": 1.0}}, listeners=2, epochs=2),
    )


def a_run(folder, dtype="float32"):
    model, format_ = tiny.model(BOOK)
    return train.Run(folder, recipe(dtype), model, format_, SHELF, LISTENERS, FakeEncoder())


def weights(run):
    return torch.cat(
        [p.detach().flatten() for p in [*run.model.rows.parameters(), *run.model.adapter_parameters().values()]]
    )


def test_training_learns_and_resumes_to_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "SAVE_EVERY", 2)
    whole = a_run(tmp_path / "whole")
    train.run(whole)
    log = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    log = [entry for entry in log if "loss" in entry]
    plans = [entry["text"] for entry in log if entry["text"]]  # batches of codes alone have no words to learn
    quarter = len(plans) // 4
    assert np.mean(plans[-quarter:]) < np.mean(plans[:quarter]), "the loss falls"

    class Interrupted(Exception):
        pass

    def stop(stage, done, total, loss):
        if stage == "capability" and done == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        train.run(a_run(tmp_path / "parts"), stop)
    resumed = a_run(tmp_path / "parts")
    train.run(resumed)
    assert torch.allclose(weights(resumed), weights(whole), atol=1e-5)


def test_a_stage_begun_by_another_process_goes_on_from_the_end_of_the_one_before(tmp_path):
    """In bfloat16, where the optimiser has copies of its own: they too must begin there."""
    whole = a_run(tmp_path, "bfloat16")
    train.run(whole)
    wanted = weights(whole)
    (tmp_path / f"{train.STAGES[-1]}.pt").unlink()
    (tmp_path / "checkpoint.pt").unlink(missing_ok=True)
    again = a_run(tmp_path, "bfloat16")
    train.run(again)
    assert torch.allclose(weights(again).float(), wanted.float(), atol=1e-3)


def test_a_trained_model_goes_on_with_the_last_stage_alone(tmp_path):
    """From its own weights, by a fresh adapter on more layers: a rate of nothing leaves them as they are."""
    first = a_run(tmp_path / "first")
    train.run(first)
    train._start_from(first, train.STAGES[-1])
    embedded = torch.randn(1, 5, 32)
    wanted = first.model.hidden(embedded).detach()
    last = train.STAGES[-1]
    still = replace(getattr(first.recipe, last), rate=0.0, map_rate=0.0, adapter_rate=0.0)
    again = replace(first, folder=tmp_path / "again", stages=train.STAGES[-1:])
    again.recipe = replace(first.recipe, **{last: still})
    train.run(again)
    assert {path.name for path in again.folder.glob("*.pt")} == {f"{last}.pt", "shortcut.pt"}
    assert torch.allclose(again.model.hidden(embedded), wanted, atol=1e-4)
    assert again.model.adapter().config == replace(again.recipe.further, alpha=again.recipe.further.rank)
    names = again.model.adapter_parameters()
    assert sum("lora_A" in name for name in names) == 14, "seven layers of each of two"


def test_a_packed_model_goes_on_with_the_adapter_that_it_has(tmp_path, base):
    """What it learned cannot be merged into layers of few bits."""
    settings = Settings(base=base, dtype="4bit", device="cpu", weights=tmp_path / "start")
    model, _ = load.untrained(settings, BOOK, LANGUAGES)
    model.train_backbone(AdapterConfig(rank=3))
    load.save(settings.weights, model, Probe(tiny.WIDTH, ()), BOOK, base)
    model, format_, *_ = load.load_model(settings)
    again = train.Run(
        tmp_path, recipe("4bit"), model, format_, SHELF, LISTENERS, FakeEncoder(), stages=train.STAGES[-1:]
    )
    train.run(again)
    assert again.model.adapter().config == AdapterConfig(rank=3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_go_back_a_share_of_their_way(tmp_path, dtype):
    made = a_run(tmp_path, dtype)
    made.model.train_backbone(made.recipe.adapter)
    trained = train.Trained(made.model, made.recipe.capability, made.recipe, made.processes)
    began = [master.detach().clone() for master in trained.masters]
    with torch.no_grad():
        for master in trained.masters:
            master += 2
    trained.go_back(began, 0.25)
    for start, master, parameter in zip(began, trained.masters, trained.parameters, strict=True):
        assert torch.allclose(master, start + 1.5) and torch.equal(parameter, master.to(parameter.dtype))


def test_weights_that_went_on_can_be_loaded_and_go_on_again(tmp_path, base):
    """Each time a fresh adapter learns on top, here two directions; what is written is one, with room for all."""
    settings = Settings(base=base, device="cpu", weights=tmp_path / "start")
    model, _ = load.untrained(settings, BOOK, LANGUAGES)
    model.train_backbone(AdapterConfig(rank=3))
    load.save(settings.weights, model, Probe(tiny.WIDTH, ()), BOOK, base)
    assert load.adapter_of(settings.weights) == AdapterConfig(rank=3)
    embedded, further = torch.randn(1, 5, 64), AdapterConfig(rank=5, alpha=10, targets=Recipe().further.targets)
    for _ in range(2):
        model, *_ = load.load_model(settings)
        model.add_adapter_above(further)
        with torch.no_grad():
            for name, parameter in model.adapter_parameters().items():
                if "down_proj.lora_B" in name:
                    parameter[:, :2].normal_(std=10)
        wanted = model.hidden(embedded)
        settings = replace(settings, weights=tmp_path / "on")
        load.save(settings.weights, model, Probe(tiny.WIDTH, ()), BOOK, base)
        assert load.adapter_of(settings.weights) == replace(further, alpha=5)
    again, *_ = load.load_model(settings)
    assert torch.allclose(again.hidden(embedded), wanted, atol=2e-2)
    with again.base_alone():
        assert not torch.allclose(again.hidden(embedded), wanted, atol=0.5)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Wide enough for blocks of 64 weights."""
    return tiny.saved_base(tmp_path_factory.mktemp("base"), width=64)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "4bit", "8bit"])
def test_a_backbone_trained_whole_or_packed_is_served_as_it_was_trained(tmp_path, base, dtype):
    """Whole in the first two, an adapter on layers of few bits in the others."""
    settings = Settings(base=base, dtype=dtype, device="cpu", weights=tmp_path / "weights")
    model, format_ = load.untrained(settings, BOOK, LANGUAGES)
    whole = dtype not in load.BITS
    plan = replace(recipe(dtype), adapter=None) if whole else recipe(dtype)
    words = model.words.detach().clone()
    done = train.Run(tmp_path, plan, model, format_, SHELF, LISTENERS, FakeEncoder())
    train.run(done)
    load.save(settings.weights, model, done.probe, BOOK, base)
    assert torch.equal(model.words.float(), words.to(model.words.dtype).float()), "words' rows stay"
    names = set(model.adapter_parameters())
    assert (
        all(("lora_" in name) != whole for name in names) and "layers.0.self_attn.q_proj.weight" in names or not whole
    )
    last = [p for name, p in model.adapter_parameters().items() if "lora_B" in name]
    assert whole or all(parameter.abs().sum() > 0 for parameter in last), "every layer learned: they start at zero"
    again, *_ = load.load_model(settings)
    for name, parameter in again.adapter_parameters().items():
        assert torch.allclose(parameter.float(), model.adapter_parameters()[name].float(), atol=1e-2), name
    engine = load.make_engine(again, format_, load.arithmetic(dtype))
    engine.runner.start(format_.words("two shows"), [])


def test_a_packed_base_is_not_trained_whole(base, tmp_path):
    model, _ = load.untrained(Settings(base=base, dtype="4bit", device="cpu"), BOOK, LANGUAGES)
    with pytest.raises(SettingInvalid, match="4 or 8 bits"):
        model.train_backbone(None)


def test_rehearsed_text_goes_on_from_its_opening_and_ends_where_the_base_ended(monkeypatch):
    run = a_run(None)
    opening = "A reporter looks again at a murder case."
    first = run.format.words(opening)[:OPENING]
    for sampled, labels in (
        ([*first, 300, 301, 302], [-100] * 4 + [300, 301, 302]),
        ([*first, 300, run.format.end, run.format.end], [-100] * 4 + [300, run.format.end]),
    ):
        monkeypatch.setattr(
            run.model.base, "generate", lambda prompts, sampled=sampled, **_: torch.tensor([sampled] * len(prompts))
        )
        (made,) = rehearsal(run.model, run.format, [opening, "Too short"], 1, seed=0)
        assert made.labels.tolist() == labels and made.ids.tolist() == sampled[: len(labels)]
    monkeypatch.undo()
    made = rehearsal(run.model, run.format, [opening], 3, seed=0)
    assert len(made) == 3 and all(example.ids[:OPENING].tolist() == first for example in made)
    text, codes = run.model.loss(collate(made, run.format.end))
    assert text > 0 and codes == 0


def test_the_rate_warms_up_and_falls():
    shares = [train.rate_at(step, 100, 10) for step in range(100)]
    assert shares[0] == pytest.approx(0.1) and max(shares) == pytest.approx(1.0)
    assert shares.index(max(shares)) <= 10 and shares[-1] == pytest.approx(0.1, abs=0.01)


def test_the_readout_lowers_the_held_out_loss_and_moves_output_rows_only():
    run = a_run(None)
    composer = train.Composer(SHELF, LISTENERS, np.random.default_rng(0), "train", ("en", "es"))
    hints = Hints(Probe(run.encoder.width, ()), run.encoder, SHELF.mentions)
    made = train.examples(composer, run.format, hints, 300, {"ground": {"codes": 1.0}})
    before = {name: p.detach().clone() for name, p in run.model.rows.named_parameters()}
    first, last = fit_readout(run.model, made, run.format.end, seed=0)
    assert last < first
    moved = {name for name, p in run.model.rows.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {"map_out.weight", "free_out"}


def test_without_codes_to_learn_from_there_is_no_readout():
    run = a_run(None)
    assert fit_readout(run.model, [], run.format.end, seed=0) is None


def test_the_hints_of_a_wording_come_from_a_probe_that_has_not_seen_it(tmp_path, monkeypatch):
    run, heard = a_run(tmp_path), []
    run.recipe = replace(run.recipe, rehearsal=0)
    train._probe(run, lambda *_: None)

    def composed(composer, format_, hints, count, mixture):
        heard.append((composer.requests.wordings.fold, hints.probe))
        return examples(composer, format_, hints, count, mixture)

    examples = train.examples
    monkeypatch.setattr(train, "examples", composed)
    made = train._examples(run, "grounding", run.recipe.grounding)
    assert [fold for fold, _ in heard] == [(0, 2), (1, 2)] and len(made) == 24
    assert all(probe is unseeing for (_, probe), unseeing in zip(heard, run.unseeing, strict=True))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["stage"] for entry in log if "held_out" in entry] == [
        "probe without fold 1",
        "probe without fold 2",
        "probe",
    ]
