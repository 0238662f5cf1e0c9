"""What `make setup` does after installing packages, in an empty folder; and what it says when it cannot."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neo.errors import CacheNotWritable
from neo.model.base import converted

ROOT = Path(__file__).parent.parent


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_setup_in_an_empty_folder_and_again(tmp_path):
    place = {"NEO_CACHE": str(tmp_path / "cache"), "NEO_DATABASE": f"sqlite:///{tmp_path / 'catalog.db'}"}
    first = run("-m", "neo", "setup", **place)
    assert first.returncode == 0, first.stderr
    (model,) = (tmp_path / "cache").iterdir()
    assert (model / "model.safetensors").stat().st_size > 400_000_000
    stats = json.loads(run("-m", "catalog", "stats", "--json", **place).stdout)
    assert stats["items"]["show"] >= 300 and stats["items"]["audiobook"] >= 300
    assert sum(count for code, count in stats["languages"].items() if code != "en") >= 60
    before = (tmp_path / "catalog.db").stat().st_mtime_ns, model.stat().st_mtime_ns
    assert run("-m", "neo", "setup", **place).returncode == 0
    assert before == ((tmp_path / "catalog.db").stat().st_mtime_ns, model.stat().st_mtime_ns), "idempotent"


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(CacheNotWritable, match="NEO_CACHE"):
        converted(blocked / "cache")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-m", "neo", "chat", "--once", "hi", "--weights", "/nowhere"], "expected a folder written by"),
        (["-m", "neo", "sids", "build", "--out", "x", "--shape", "3by4"], "levels x codes"),
        (["app.py", "--weights", "/nowhere", "--port", "65000"], "expected a folder written by"),
        (["app.py", "--port", "99999"], "expected 1 to 65535"),
    ],
)
def test_what_a_user_can_mend_is_one_line_without_a_traceback(tmp_path, arguments, expected):
    done = run(*arguments, NEO_DATABASE=f"sqlite:///{tmp_path / 'catalog.db'}")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert expected in " ".join(done.stderr.split())


def test_damaged_weights_are_named(tmp_path):
    (tmp_path / "config.yaml").write_text("base: smollm2-135m\n")
    (tmp_path / "rows.safetensors").write_bytes(b"not tensors")
    done = run(
        "-m",
        "neo",
        "chat",
        "--once",
        "hi",
        "--weights",
        str(tmp_path),
        NEO_DATABASE=f"sqlite:///{tmp_path / 'catalog.db'}",
    )
    assert done.returncode == 1 and "cannot be read" in " ".join(done.stderr.split()) and "Traceback" not in done.stderr
