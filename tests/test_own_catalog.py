"""Somebody's own catalog, from files to chat by the README's commands: 50 items, 60 listeners, a tiny base."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import load_file
from typer.testing import CliRunner

from catalog.__main__ import app as catalog_app
from neo.__main__ import app as neo_app
from neo.chat.parts import Conversation
from neo.errors import PromptInvalid
from neo.sids.store import SidBook
from neo.study.arms import open_arms
from neo.study.spec import parse_spec
from neo.wording import FOLDER
from tests import tiny
from tests.study.conftest import STUDY

ITEMS = 50
TOGETHER = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
THEMES = (
    ("bees", "animals"),
    ("tides", "sea"),
    ("bridges", "engineering"),
    ("volcanoes", "science"),
    ("opera", "music"),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny.saved_base(tmp_path_factory.mktemp("base"))


def write_items(path):
    rows = []
    for n in range(ITEMS):
        thing, topic = THEMES[n % 5]
        rows.append(
            {
                "id": f"it-{n}",
                "title": f"{thing.title()} in {n + 2} parts",
                "type": ("show", "audiobook")[n % 2],
                "author": f"Studio {n % 7}",
                "language": "en",
                "topics": [topic],
                "description": f"Part {n} of what there is to hear about {thing}, told by people who know them.",
            }
        )
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def write_listens(path):
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["listener", "item", "timestamp"])
        for person in range(60):
            for step in range(6):  # each keeps to one theme
                out.writerow(
                    [f"person {person}", f"it-{(person % 5 + 5 * (person + step)) % ITEMS}", 1_700_000_000 + step]
                )


def run(app, *words):
    result = CliRunner().invoke(app, list(map(str, words)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory, base):
    """(database, weights) after import, `sids build` and `train`."""
    folder = tmp_path_factory.mktemp("own")
    database, sids = f"sqlite:///{folder}/own.db", folder / "sids"
    write_items(folder / "items.jsonl")
    write_listens(folder / "listens.csv")
    run(catalog_app, "import", folder / "items.jsonl", "--database", database)
    run(catalog_app, "import", folder / "listens.csv", "--database", database)
    run(neo_app, "sids", "build", "--database", database, "--out", sids)
    quick = ("--scale", "0.001", "--dtype", "float32", "--out", folder / "run")
    run(neo_app, "train", "--database", database, "--sids", sids, "--base", base, *quick)
    return database, folder / "run" / "weights"


def test_from_files_to_chat(trained, base):
    database, weights = trained
    figures = json.loads(run(catalog_app, "stats", "--json", "--database", database))
    assert (sum(figures["items"].values()), figures["listeners"], figures["listens"]) == (ITEMS, 60, 360)
    stats = json.loads(run(neo_app, "sids", "stats", "--database", database, "--weights", weights, "--json"))
    assert set(stats) == {"show", "audiobook"} and not any(one["drift"]["rebuild"] for one in stats.values())
    where = ("--database", database, "--base", base, "--weights", weights)
    turns = run(neo_app, "chat", *where, "--once", "two shows about bees", "--once", "why the first one?", "--json")
    first, second = map(json.loads, turns.splitlines())
    titles = {part["item"]["title"] for part in first["parts"] if "item" in part}
    assert all(" in " in title and title.endswith(" parts") for title in titles) and second["plan"] is not None
    found = json.loads(run(neo_app, "evaluate", *where, "--suite", "recommend", "--queries", "4", "--json"))
    assert 0 <= found["recommend"]["model"]["HR@10"]["mean"] <= 1
    assert set(found["recommend"]["from one listen"]) >= {"model", "co-listening", "neighbours"}
    book, one = SidBook.load(weights), "show:bees-in-2-parts"
    together, apart = (
        book.tastes[one] @ book.tastes[key] for key in ("show:bees-in-12-parts", "show:bridges-in-4-parts")
    )
    assert together > apart, "who hears one show about bees hears the others"
    said = dict(zip(book.pairs.keys, book.pairs.rows([one])[0], strict=True))
    assert said["show:bees-in-12-parts"] > said["show:bridges-in-4-parts"], "and was counted"


def test_two_processes_train_one_model(trained, base, tmp_path):
    """As on two GPUs, for which `accelerate launch` calls the same launcher; on a CPU it starts one process alone. They
    take turns at the batches, and the first one writes."""
    database, weights = trained
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "neo", "train"]
    flags = ["--database", database, "--sids", weights, "--base", base, "--scale", "0.001", "--dtype", "float32"]
    subprocess.run([*command, *flags, "--out", str(tmp_path)], check=True, capture_output=True, env=TOGETHER)
    steps, whole = (steps_of(folder) for folder in (tmp_path, weights.parent))
    assert len(steps) == len(set(steps)), "one of them writes"
    stages = {stage for stage, _ in whole}
    each = {stage: sum(name == stage for name, _ in whole) // 2 for stage in stages}
    assert each == {stage: sum(name == stage for name, _ in steps) for stage in stages} and sum(each.values()) > 5
    made, alone = (load_file(folder / "rows.safetensors") for folder in (tmp_path / "weights", weights))
    assert made.keys() == alone.keys() and any(not torch.equal(made[name], alone[name]) for name in made)


def steps_of(folder):
    """(stage, step) of every step that a run's log tells of."""
    log = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [(entry["stage"], entry["step"]) for entry in log if "step" in entry]


def test_what_is_imported_after_training_gets_a_sid(trained, tmp_path):
    database, weights = trained
    copy = f"sqlite:///{shutil.copy(database.removeprefix('sqlite:///'), tmp_path)}"
    row = {"title": "Bees at night", "type": "show", "language": "en", "topics": ["animals"]}
    (tmp_path / "new.jsonl").write_text(json.dumps(row), encoding="utf-8")
    run(catalog_app, "import", tmp_path / "new.jsonl", "--database", copy)
    assert "none yet" in run(catalog_app, "show", "show:bees-at-night", "--database", copy)
    run(neo_app, "sids", "write", "--database", copy, "--weights", weights)
    assert re.search(r"SID\s+show:\d+(-\d+)+", run(catalog_app, "show", "show:bees-at-night", "--database", copy))


def study(arms):
    return parse_spec(yaml.safe_dump({**STUDY, "arms": arms}))


def test_the_model_is_an_arm_of_a_study_with_a_prompt_set_of_its_own(trained, base, tmp_path):
    database, weights = trained
    prompts = tmp_path / "terse"
    shutil.copytree(FOLDER, prompts)
    notices = prompts / "en" / "notices.yaml"
    said = yaml.safe_load(notices.read_text(encoding="utf-8")) | {"empty": "Say something."}
    notices.write_text(yaml.safe_dump(said), encoding="utf-8")
    model = {"kind": "model", "weights": str(weights), "base": base, "beams": 3}
    arms = {"plain": model, "terse": model | {"prompts": str(prompts)}}
    opened = open_arms(study(arms), database, report=lambda text: None)
    replies = {name: next(iter(arm.reply(Conversation(), " ", None))).text for name, arm in opened.items()}
    assert replies["terse"] == "Say something." != replies["plain"]
    facts = {name: arm.facts for name, arm in opened.items()}
    assert facts["terse"]["prompts"] == "terse" and facts["plain"]["weights_hash"] == facts["terse"]["weights_hash"]
    assert facts["plain"]["prompts_hash"] != facts["terse"]["prompts_hash"]
    assert not any(path in json.dumps(facts) for path in (str(tmp_path), base, str(weights))), (
        "an export names no folder of this machine"
    )


def test_a_prompt_set_that_lacks_a_file_is_found_before_any_rater_is(trained, base, tmp_path):
    database, weights = trained
    shutil.copytree(FOLDER, tmp_path / "broken")
    (tmp_path / "broken" / "fr" / "notices.yaml").unlink()
    arm = {"kind": "model", "weights": str(weights), "base": base, "prompts": str(tmp_path / "broken")}
    with pytest.raises(PromptInvalid, match=r"fr.notices\.yaml is missing"):
        open_arms(study({"one": arm, "two": dict(arm)}), database, report=lambda text: None)
