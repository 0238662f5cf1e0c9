"""The cached, branched way of running the model gives what the plain way gives; and the base is never touched."""

import numpy as np
import pytest
import torch

from neo.decoding.beams import Unconstrained, search
from neo.errors import NotFinite
from neo.model.adapters import AdapterConfig
from neo.model.backbone import LlamaCache
from neo.model.neo import Batch
from neo.model.runner import Arithmetic, Runner
from tests import tiny

BOOK = tiny.book({"show": (3, 5), "audiobook": (2, 4)})


def plainly(model, ids, condition_from, message):
    """Hidden states of a whole sequence read at once; from `condition_from` on, positions carry the condition."""
    embedded = model.embed(torch.tensor([ids]))
    embedded[:, condition_from:] += model.rows.condition(torch.from_numpy(message)[None], torch.zeros(1, tiny.WIDTH))
    return model.hidden(embedded, use_cache=False)[0]


def test_beams_score_as_reading_each_sid_plainly():
    model, format_ = tiny.model(BOOK)
    runner, message = Runner(model), np.random.default_rng(0).normal(size=tiny.WIDTH).astype(np.float32)
    prompt = format_.words("two shows about the sea")
    context = runner.start(prompt, [])
    context.condition(message, None)
    beams = search(context, runner.vocabulary, "show", Unconstrained(runner.vocabulary.shape("show")), width=125)
    assert len(beams) == 125 and beams == sorted(beams, key=lambda beam: -beam.score)
    for beam in beams[::25]:
        ids = [runner.vocabulary.level_ids("show", level)[code] for level, code in enumerate(beam.codes)]
        hidden = plainly(model, [*prompt, runner.vocabulary.opener("show"), *ids[:-1]], len(prompt), message)
        written = model.rows.written(torch.tensor([0, *ids]))
        vectors = torch.from_numpy(message)[None], torch.zeros(1, model.rows.taste_width)
        told = model.rows.shortcut.known.tell(*vectors)
        scores = [
            runner.level_scores(
                hidden[len(prompt) + level][None],
                model.rows.shortcut_scores(*vectors, told, torch.tensor([0]), written[level][None]),
                "show",
                level,
            )[0][code]
            for level, code in enumerate(beam.codes)
        ]
        assert beam.score == pytest.approx(float(sum(scores)), abs=1e-4)
    context.settle(beams[3].slots)
    ids = [runner.vocabulary.level_ids("show", level)[code] for level, code in enumerate(beams[3].codes)]
    context.extend(ids[-1:], span=1)
    hidden = plainly(model, [*prompt, runner.vocabulary.opener("show"), *ids], len(prompt), message)
    assert torch.allclose(context.hidden, hidden[-1], atol=1e-5), "the chosen beam is spliced back as if read plainly"


@torch.inference_mode()
def test_eight_bits_read_and_write_words_nearly_alike():
    exact, light = (Runner(tiny.model(BOOK)[0], Arithmetic(light=light)) for light in (False, True))
    ids = tiny.model(BOOK)[1].words("two shows about the sea")
    assert torch.allclose(light.embed(ids), exact.embed(ids), atol=0.01)
    states = [runner.start(ids, []).hidden for runner in (exact, light)]
    assert torch.allclose(*states, atol=0.1)
    near, far = light.text_scores(states[0]), light.text_scores(-states[0])
    assert np.abs(near - exact.text_scores(states[0])).max() < 0.1 < np.abs(far - near).max()
    assert light.model.words.numel() == light.model.base.get_output_embeddings().weight.numel() == 0, "held once"


def test_nan_is_an_error():
    model, format_ = tiny.model(BOOK)
    runner = Runner(model)
    with pytest.raises(NotFinite):
        runner.text_scores(torch.full((32,), float("nan")))


def test_training_touches_new_rows_and_adapter_only():
    model, format_ = tiny.model(BOOK)
    before = {name: value.clone() for name, value in model.base.state_dict().items()}
    model.add_adapter(AdapterConfig(rank=2))
    ids = torch.tensor(
        [
            [
                model.vocabulary.id("plan"),
                *format_.words("hello there"),
                model.vocabulary.opener("show"),
                model.vocabulary.level_ids("show", 0)[1],
            ]
        ]
    )
    vectors = torch.ones(1, tiny.WIDTH)
    batch = Batch(ids, ids, vectors[:0], torch.ones(ids.shape), vectors, vectors)
    trained = [*model.rows.parameters(), *model.adapter_parameters().values()]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    for _ in range(2):
        text, codes = model.loss(batch)
        (text + codes).backward()
        optimizer.step()
    moved = [p for p in trained if p.grad is not None and p.grad.abs().sum() > 0]
    assert len(moved) > 8
    after = {
        name.replace(".base_layer", ""): value for name, value in model.base.state_dict().items() if "lora_" not in name
    }
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before), "old rows stay, bit for bit"


def test_a_cropped_context_goes_on_as_if_nothing_had_been_read():
    model, format_ = tiny.model(BOOK)
    runner, prompt, more = Runner(model), format_.words("two shows"), format_.words(" about the sea")
    context = runner.start(prompt, [])
    length, hidden = context.length, context.hidden
    context.extend(format_.words(" in a plan that is replaced"))
    context.crop(length, hidden)
    context.extend(more)
    assert torch.allclose(context.hidden, runner.start(prompt + more, []).hidden, atol=1e-5)


def test_reading_ahead_saves_passes_and_changes_nothing(monkeypatch):
    model, format_ = tiny.model(BOOK)
    runner = Runner(model)
    prompt = format_.words("A reporter looks again at a murder case.")
    copied = format_.words(" a murder case, again at a murder")
    passes, reading = [], LlamaCache.read
    monkeypatch.setattr(LlamaCache, "read", lambda self, *given: passes.append(1) or reading(self, *given))
    states = {}
    for ahead in (0, 6):
        runner.ahead = ahead
        context = runner.start(prompt, [])
        passes.clear()
        states[ahead] = []
        for id_ in copied:
            context.write(id_)
            states[ahead].append(context.hidden)
        context.extend(format_.words(" and"))
        states[ahead].append(context.hidden)
        assert (len(passes) == len(copied) + 1) == (ahead == 0)
    assert torch.allclose(torch.stack(states[0]), torch.stack(states[6]), atol=1e-5)


def test_codes_written_are_those_of_their_own_span_alone():
    model, _ = tiny.model(BOOK)
    first = model.vocabulary.control_ids.stop
    show = [model.vocabulary.level_ids("show", level)[code] for level, code in enumerate((4, 0, 2))]
    opener, closer = model.vocabulary.opener("show"), model.vocabulary.closer("show")
    found = model.rows.written(torch.tensor([opener, *show, closer, opener, show[0]]))
    assert [[code + first if code >= 0 else -1 for code in row] for row in found.tolist()] == [
        [-1, -1, -1],
        [show[0], -1, -1],
        [show[0], show[1], -1],
        show,
        [-1, -1, -1],
        [-1, -1, -1],
        [show[0], -1, -1],
    ]
