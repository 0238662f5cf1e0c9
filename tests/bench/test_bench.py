"""The benchmarks measure what they say: the same items by both roads, every SID found, a picture that can be opened."""

import json
from types import SimpleNamespace

import numpy as np
from typer.testing import CliRunner

from neo.__main__ import app
from neo.bench.decode import bench_decode
from neo.bench.load import bench_load
from neo.bench.lookups import bench_lookups
from neo.bench.sids import bench_sids
from neo.bench.tries import bench_trie
from neo.decoding.trie import Tries
from neo.model.load import make_engine
from neo.model.runner import Arithmetic
from neo.sids.sid import Sid
from tests import tiny
from tests.chat.conftest import Scripted


def test_the_trie_s_costs_are_positive_and_its_size_is_that_of_its_files():
    found = bench_trie(3000)
    assert 2900 < found["items"] <= 3000 and 4 < found["bytes_per_item"] < 60
    assert 0 < found["children_us_p50"] <= found["children_us_p99"] and found["open_ms"] > 0 and found["build_s"] >= 0


def test_every_sid_of_a_reply_is_looked_up():
    found = bench_lookups(2000)
    assert found["items"] == 2000 and 0 < found["sid_ms_p50"] <= found["sid_ms_p99"]
    assert 0 < found["reply_ms_p50"] < found["reply_items_ms_p50"] <= found["reply_items_ms_p99"]


def test_sids_of_a_file_are_assigned_and_near():
    found = bench_sids(3000, width=16)
    assert found["items"] == 3000 and 0 <= found["collision_rate"] < 0.5 < found["cosine_rebuilt"] <= 1
    assert found["fit_s"] > 0 and found["memory_mb"] >= 0


def test_a_picture_of_cost_against_size(tmp_path):
    picture = tmp_path / "cost.svg"
    result = CliRunner().invoke(app, ["bench", "trie", "--items", "2000", "--picture", str(picture), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["items"] <= 2000 and "<svg" in picture.read_text()


class OneVector:
    """An encoder that says the same of every text."""

    def encode(self, texts):
        return np.ones((len(texts), tiny.WIDTH), np.float32)


def test_generate_and_our_beams_find_the_same_items():
    book = tiny.book({"show": (3, 8)})
    model, format_ = tiny.model(book)
    sids = {Sid("show", tuple(map(int, row))) for row in np.random.default_rng(0).integers(0, 8, (60, 3))}
    assistant = SimpleNamespace(
        format=format_,
        encoder=OneVector(),
        engine=make_engine(tiny.model(book)[0], format_, Arithmetic(light=True)),
        steering=SimpleNamespace(tries=Tries.build(sids)),
    )
    found = bench_decode(assistant, model, "show", runs=1)
    assert found["same_items"] is True and found["ratio_beam10"] > 0 and found["prompt_tokens"] > 200
    assert 0 < found["constraint_share"] < 1 and found["text_tokens_per_second"] > 0


def test_every_visitor_is_answered_and_waits_are_told():
    assistant = Scripted(pause=0.02)
    found = bench_load(assistant, visitors=3, messages=2)
    assert found["visitors"] == 3 and found["replies"] == found["replies_whole"] == 6 == len(assistant.closed)
    assert 0 < found["first_words_s_p50"] <= found["reply_s_p95"] and found["slowest_visitor_over_fastest"] >= 1
