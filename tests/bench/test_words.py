"""The rivals of `bench words` get the same weights, and a missing one is named."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from neo.bench import words
from neo.errors import SettingInvalid
from tests import tiny

BOOK = tiny.book({"show": (2, 4)})


def test_a_gguf_file_holds_the_same_model(tmp_path):
    model, format_ = tiny.model(BOOK)
    alone = words._words_alone(model)
    words._write_gguf(tmp_path / "words.gguf", alone, format_.tokenizer)
    read = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="words.gguf", dtype=torch.float32).eval()
    ids = torch.tensor([format_.words(words.PROMPT)])
    with torch.inference_mode():
        ours, theirs = alone(ids).logits, read(ids).logits
    assert torch.allclose(ours, theirs, atol=0.05 * ours.abs().max()), "eight bits round, no more"
    assert (ours.argmax(-1) == theirs.argmax(-1)).float().mean() > 0.8


def test_a_missing_rival_is_named(monkeypatch):
    monkeypatch.setattr(words, "RIVALS", ("torch", "nothing_of_this_name"))
    with pytest.raises(SettingInvalid, match="nothing_of_this_name not installed: pip install"):
        words._check(tiny.model(BOOK)[0])
