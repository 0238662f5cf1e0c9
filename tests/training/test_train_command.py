"""`python -m neo train`: options that contradict each other are told so before anything is read or made."""

import pytest
from typer.testing import CliRunner

from neo.__main__ import app
from neo.errors import NeoError


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--dtype", "bfloat"], "'bfloat'"),
        (["--full", "--dtype", "4bit"], "--full with --dtype 4bit"),
        (["--full", "--start", "weights"], "--full with --start"),
        (["--sids", "sids", "--start", "weights"], "--sids with --start"),
    ],
)
def test_contradicting_options_are_refused(tmp_path, options, named):
    out = tmp_path / "run"
    result = CliRunner().invoke(app, ["train", "--out", str(out), *options])
    assert isinstance(result.exception, NeoError)
    assert named in str(result.exception) and "expected" in str(result.exception)
    assert not out.exists()
