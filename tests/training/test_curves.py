"""The picture of a run names its stages; steps that were run twice count once."""

import json

from neo.training import curves


def test_every_stage_is_drawn(tmp_path):
    log, picture = tmp_path / "log.jsonl", tmp_path / "curves.svg"
    entries = [{"stage": "shortcut", "held_out": [1.5]}]
    for stage in ("grounding", "capability"):
        entries += [{"stage": stage, "step": step, "text": 3 / step, "codes": 0.0} for step in (*range(1, 60), 40, 41)]
    log.write_text("\n".join(map(json.dumps, entries)))
    curves.draw_curves(log, picture)
    drawn = picture.read_text()
    assert "grounding" in drawn and "capability" in drawn and "shortcut" not in drawn
    assert curves.LOSSES["text"] in drawn and curves.LOSSES["codes"] not in drawn, "nothing was learned of codes"


def test_a_log_without_steps_draws_nothing(tmp_path):
    (tmp_path / "log.jsonl").write_text(json.dumps({"stage": "shortcut"}))
    curves.draw_curves(tmp_path / "log.jsonl", tmp_path / "curves.svg")
    assert not (tmp_path / "curves.svg").exists()
