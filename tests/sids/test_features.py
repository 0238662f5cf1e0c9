import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neo.sids.features import Features
from tests import tiny


def test_two_items_by_hand():
    items = [
        tiny.item("Serial", topics=("law", "crime"), tones=("calm",), format="documentary", fame=5),
        tiny.item("Sea", topics=("law", "sea"), tones=("calm",), format="lecture", fame=2, language="de"),
        tiny.item("Tide", topics=("sea",), tones=(), format="lecture", fame=9, language="de"),
    ]
    found = Features.of(items)
    assert found.names == ("fame", "format:lecture", "language:de", "tone:calm", "topic:law", "topic:sea")
    assert np.allclose(found.values["show:sea"], [0.4, 1, 1, 1, 1, 1])
    assert np.allclose(found.rows(items[2:]), [[1, 1, 1, 0, 0, 1]]), "nobody is more famous than famous"
    stranger = tiny.item("New", topics=("sea", "chess"), tones=(), format="quiz", language="en", fame=0)
    assert np.allclose(found.rows([stranger]), [[0, 0, 0, 0, 0, 1]])


@given(st.lists(st.sampled_from(["Serial", "Sea", "Tide", "Law"]), min_size=1, unique=True))
def test_what_is_saved_is_read_again(titles):
    items = [tiny.item(title) for title in titles]
    with tempfile.TemporaryDirectory() as folder:
        made = Features.of(items)
        made.save(Path(folder))
        read = Features.load(Path(folder))
    assert read.names == made.names and read.values.keys() == made.values.keys()
    assert np.allclose(read.rows(items), made.rows(items)) and np.allclose(
        np.array([*read.values.values()]), np.array([*made.values.values()]), atol=1e-3
    )


def test_nothing_known_is_no_feature(tmp_path):
    Features().save(tmp_path)
    assert Features.load(tmp_path) == Features() and Features().rows([tiny.item()]).shape == (1, 0)
