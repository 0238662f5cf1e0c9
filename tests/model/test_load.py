"""Weights on disk: what is read was saved; what older weights lack adds nothing, what they must have is told."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from neo.errors import WeightsInvalid
from neo.model.adapters import AdapterConfig
from neo.model.load import load_model, save, untrained
from neo.model.probe import Probe
from neo.settings import SHIPPED_WEIGHTS, Settings
from neo.sids.store import SidBook
from tests import tiny

ADAPTER = AdapterConfig(rank=2, alpha=2)


@pytest.fixture
def settings(tmp_path):
    base, book = tiny.saved_base(tmp_path / "base"), SidBook.load(SHIPPED_WEIGHTS)
    settings = Settings(base=base, weights=tmp_path / "weights", dtype="float32", device="cpu")
    model, _ = untrained(settings, book, ("en",))
    model.train_backbone(ADAPTER)
    torch.nn.init.ones_(model.rows.shortcut.asked[3].weight)
    save(settings.weights, model, Probe(512, ()), book, base)
    return settings


def without(settings, name):
    path = settings.weights / "rows.safetensors"
    save_file({key: value for key, value in load_file(path).items() if not key.startswith(name)}, path)


def test_what_is_read_is_what_was_saved(settings):
    model, *_ = load_model(settings)
    assert (model.rows.shortcut.asked[3].weight == 1).all()


def test_what_older_weights_lack_adds_nothing(settings):
    without(settings, "shortcut.asked.")
    model, *_ = load_model(settings)
    assert not model.rows.shortcut.likeness(torch.ones(1, 512), torch.ones(1, 512)).any()


def test_what_weights_must_have_is_told(settings):
    without(settings, "shortcut.map.")
    with pytest.raises(WeightsInvalid, match="shortcut.map.weight"):
        load_model(settings)
