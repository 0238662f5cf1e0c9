"""Two adapters as one: the best of its rank, by hand and by what a model reads."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from neo.model.adapters import Adapter, AdapterConfig, joined
from tests import tiny

LAYER = "layers.0.q_proj"


def adapter(out, into, alpha):
    out, into = torch.tensor(out), torch.tensor(into)
    parameters = {f"{LAYER}.lora_A.default.weight": into, f"{LAYER}.lora_B.default.weight": out}
    return Adapter(AdapterConfig(rank=len(into), alpha=alpha, targets=("q_proj",)), parameters)


def product(made):
    into, out = (made.parameters[f"{LAYER}.lora_{side}.default.weight"] for side in "AB")
    return made.config.scale * out @ into


def test_what_two_adapters_add_is_what_the_joined_one_adds():
    """Below adds 3 to the second output from the first input (scale 1), above 2 x 2 to the first from the second."""
    below, above = adapter([[0.0], [3.0]], [[1.0, 0.0]], alpha=1), adapter([[2.0], [0.0]], [[0.0, 1.0]], alpha=2)
    assert torch.allclose(product(below) + product(above), torch.tensor([[0.0, 4.0], [3.0, 0.0]]))
    made = joined(below, above)
    assert made.config == AdapterConfig(rank=1, alpha=1, targets=("q_proj",))
    assert torch.allclose(product(made), torch.tensor([[0.0, 4.0], [0.0, 0.0]]), atol=1e-6), "the larger of the two"


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 6))
def test_no_adapter_of_that_rank_is_nearer(seed, below_rank, above_rank):
    draw = torch.Generator().manual_seed(seed)
    below, above = (
        adapter(torch.randn(7, r, generator=draw).tolist(), torch.randn(r, 9, generator=draw).tolist(), alpha=2 * r)
        for r in (below_rank, above_rank)
    )
    whole = product(below) + product(above)
    rest = torch.linalg.svdvals(whole)[above_rank:].square().sum()
    assert torch.allclose((product(joined(below, above)) - whole).square().sum(), rest, rtol=1e-3, atol=1e-3)


def test_a_model_reads_by_the_joined_adapter_what_it_reads_by_both():
    """The one that was merged is on fewer layers and of a lower rank."""
    model, _ = tiny.model(tiny.book({"show": (2, 8)}))
    rows = torch.randn(1, 5, 32)
    model.add_adapter(AdapterConfig(rank=1, alpha=3, targets=("q_proj",)))
    _stir(model)
    read = model.hidden(rows)
    model.add_adapter_above(AdapterConfig(rank=3, alpha=6, targets=("q_proj", "down_proj")))
    assert torch.allclose(model.hidden(rows), read, atol=1e-4), "a fresh one adds nothing yet"
    _stir(model, names="down_proj")
    wanted, made = model.hidden(rows), model.adapter()
    assert not torch.allclose(wanted, read, atol=1e-2)

    again, _ = tiny.model(tiny.book({"show": (2, 8)}))
    again.add_adapter(made.config)
    with torch.no_grad():
        for name, parameter in again.adapter_parameters().items():
            parameter.copy_(made.parameters[name])
    assert torch.allclose(again.hidden(rows), wanted, atol=1e-4)


def _stir(model, names=""):
    with torch.no_grad():
        for name, parameter in model.adapter_parameters().items():
            if names in name:
                parameter.normal_(std=0.3)
