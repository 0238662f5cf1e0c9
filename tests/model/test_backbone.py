"""Both ways of reading give the same states, whatever is read, masked, forgotten or moved up."""

from types import SimpleNamespace

import pytest
import torch
from transformers import MistralConfig

from neo.errors import SettingInvalid
from neo.model import backbone, product
from neo.model.backbone import Hub, Llama, backbone_of
from neo.model.load import arithmetic, device_called
from neo.model.runner import Arithmetic
from tests import tiny

BOOK = tiny.book({"show": (3, 5)})


def rows(count, seed):
    return torch.randn(count, 32, generator=torch.Generator().manual_seed(seed))


def a_reply(cache):
    """States of all that a reply does to a cache: a prompt, words, siblings behind a mask, the winner moved up."""
    states = [cache.read(rows(9, 0), torch.arange(9)), cache.read(rows(1, 1), torch.tensor([9]))]
    mask = torch.full((3, 13), -torch.inf)
    mask[:, :10] = 0
    mask[:, 10:].fill_diagonal_(0)
    states.append(cache.read(rows(3, 2), torch.full((3,), 10), mask))
    cache.keep(10, (2,))
    states.append(cache.read(rows(7, 3), torch.arange(11, 18)))
    cache.keep(12)
    return torch.cat([*states, cache.read(rows(1, 4), torch.tensor([12]))])


@pytest.mark.parametrize("room", [4, 512])
@torch.inference_mode()
def test_a_llama_written_out_reads_as_transformers_does(monkeypatch, room):
    monkeypatch.setattr(backbone, "ROOM", room)
    model, _ = tiny.model(BOOK)
    theirs = a_reply(Hub(model).start())
    assert torch.allclose(a_reply(Llama(model).start()), theirs, atol=1e-5)
    assert torch.allclose(a_reply(Hub(model).start()), theirs), "the base's own modules still hold the same weights"


@torch.inference_mode()
def test_bfloat16_is_near():
    model, _ = tiny.model(BOOK)
    exact = a_reply(Llama(model).start())
    model.base.to(torch.bfloat16)
    assert torch.allclose(a_reply(Llama(model).start()), exact, atol=0.1)


@torch.inference_mode()
@pytest.mark.parametrize("few", [0, 4, 99])
def test_eight_bits_are_near_however_many_rows_are_read(monkeypatch, few):
    monkeypatch.setattr(product, "FEW", few)
    model, _ = tiny.model(BOOK)
    exact, light = (a_reply(Llama(model, light).start()) for light in (False, True))
    assert not torch.equal(light, exact) and torch.allclose(light, exact, atol=0.1)


def test_eight_bits_round_to_nearest():
    """Rows of largest weights 127 and 2.54 have steps of 1 and of .02 (in bf16), so 0.4 is 0 and .5 is 25 steps."""
    weight = torch.zeros(16, 32)
    weight[0, :3], weight[1, :3] = torch.tensor([127, 0.4, -3.6]), torch.tensor([2.54, 0.5, 0])
    step = float(torch.tensor(0.02).bfloat16())
    for rows in (3, product.FEW + 3):
        found = product.Product(weight, light=True)(torch.eye(rows, 32))
        assert found[:3, 0].tolist() == [127, 0, -4]
        assert found[:2, 1].tolist() == pytest.approx([127 * step, 25 * step], rel=0.005)


def test_weights_are_held_once():
    model, _ = tiny.model(BOOK)
    llama = Llama(model)
    attention = model.core.layers[0].self_attn
    assert (
        attention.k_proj.weight.untyped_storage().data_ptr() == llama.layers[0][1].weight.untyped_storage().data_ptr()
    )
    light = Llama(model, light=True)
    assert attention.k_proj.weight.numel() == 0 and light.layers[0][1].weight.dtype == torch.int8


def test_what_is_no_plain_llama_is_read_by_transformers():
    model, _ = tiny.model(BOOK)
    assert isinstance(backbone_of(model), Llama)
    model.base.config.attention_bias = True
    assert isinstance(backbone_of(model), Hub)


def test_a_base_that_forgets_early_tokens_is_refused():
    config = MistralConfig(num_hidden_layers=2, hidden_size=32, num_attention_heads=2, sliding_window=8)
    with pytest.raises(SettingInvalid, match="'mistral' forgets early tokens"):
        Hub(SimpleNamespace(base=SimpleNamespace(config=config)))


def test_a_gpu_is_named_or_chosen_where_there_is_one(monkeypatch):
    """What can be told of a GPU without one; "int8" is the CPU's own."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    cuda = device_called("auto")
    assert cuda.type == "cuda" and device_called("cpu").type == "cpu" and device_called("cuda:1").index == 1
    assert arithmetic("auto", cuda) == arithmetic("4bit", cuda) == Arithmetic(torch.bfloat16)
    with pytest.raises(SettingInvalid, match="4bit, 8bit on cuda"):
        arithmetic("int8", cuda)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_called("auto").type == "cpu"
    for name in ("cuda", "abacus"):
        with pytest.raises(SettingInvalid, match=f"'{name}' .no GPU was found.: expected"):
            device_called(name)


def test_the_arithmetic_is_named_or_chosen_for_the_machine(monkeypatch):
    assert arithmetic("float32") == Arithmetic(torch.float32)
    for has, chosen in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: {"amx_bf16": has})
        assert arithmetic("auto") == arithmetic("int8") == Arithmetic(chosen, light=True)
    with pytest.raises(SettingInvalid, match="expected one of auto, float32, bfloat16, int8, 4bit, 8bit on cpu"):
        arithmetic("int4")
