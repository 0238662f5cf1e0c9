"""`generate` under the LogitsProcessor writes what the engine's beams write, and never anything but a real item."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LogitsProcessorList

from neo.decoding import beams
from neo.decoding.processor import CatalogLogits
from neo.decoding.trie import Tries
from neo.errors import NothingAllowed
from neo.format import Message
from neo.model.plain import as_causal_lm, shortcut_of
from neo.model.runner import Runner
from neo.sids.sid import Sid
from tests import tiny

BOOK = tiny.book({"show": (3, 8), "audiobook": (2, 8)})


def catalog(seed, count=40):
    rng = np.random.default_rng(seed)
    shows = {Sid("show", tuple(map(int, row))) for row in rng.integers(0, 8, (count, 3))}
    return Tries.build([*shows, *(Sid("audiobook", tuple(map(int, row))) for row in rng.integers(0, 8, (count, 2)))])


@pytest.mark.parametrize("type_", ["show", "audiobook"])
@pytest.mark.parametrize("seed", range(3))
def test_generate_finds_the_same_beams_in_the_same_order(type_, seed):
    model, format_ = tiny.model(BOOK, seed)
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(2, tiny.WIDTH)).astype(np.float32)
    rendered = format_.render([Message("two shows about bees", vectors[0], (), vectors[1])])
    view = catalog(seed).by_type[type_].everything()
    runner = Runner(model)
    soft = [vector for _, vector in rendered.vectors]
    context = runner.start(rendered.ids, soft)
    context.condition(rendered.message, rendered.listener)
    ours = beams.search(context, model.vocabulary, type_, view, 6)

    message, listener = (torch.from_numpy(vector[None]) for vector in (rendered.message, rendered.listener))
    plain = as_causal_lm(model, message, listener)
    opener = model.vocabulary.opener(type_)
    shortcut = shortcut_of(model, message, listener)
    processor = CatalogLogits(model.vocabulary, {type_: view}, opened=type_, shortcut=shortcut)
    with torch.no_grad():
        prompt = model.embed(torch.tensor([rendered.ids]), torch.from_numpy(np.stack(soft)))
        prompt = torch.cat([prompt, plain.get_input_embeddings()(torch.tensor([[opener]]))], dim=1)
        found = plain.generate(
            inputs_embeds=prompt,
            attention_mask=torch.ones(prompt.shape[:2], dtype=torch.long),
            logits_processor=LogitsProcessorList([processor]),
            num_beams=6,
            num_return_sequences=6,
            max_new_tokens=model.vocabulary.shape(type_).levels,
            do_sample=False,
            length_penalty=0.0,
            eos_token_id=None,
            pad_token_id=format_.end,
            return_dict_in_generate=True,
            output_scores=True,
        )
    theirs = [tuple(model.vocabulary.code(id_)[2] for id_ in row) for row in found.sequences.tolist()]
    assert theirs == [beam.codes for beam in ours]
    assert found.sequences_scores.tolist() == pytest.approx([beam.score for beam in ours], abs=1e-4)


VOCABULARY = tiny.model(BOOK)[0].vocabulary


@given(st.integers(0, 50), st.lists(st.integers(0, 10_000), max_size=12), st.floats(-1e4, 1e4))
@settings(max_examples=60)
def test_whatever_the_logits_a_span_is_an_item_and_closes(seed, picks, high):
    """Greedy under logits that put all their weight on something, mostly on what is forbidden."""
    tries = catalog(seed, 12)
    processor = CatalogLogits(VOCABULARY, tries.everything(), banned=[0])
    rng = np.random.default_rng(seed)
    ids = [VOCABULARY.opener(("show", "audiobook")[seed % 2])]
    for pick in [*picks, 0, 0, 0, 0]:
        scores = torch.from_numpy(rng.normal(size=(1, VOCABULARY.size)).astype(np.float32))
        scores[0, pick % VOCABULARY.size] = high
        ids.append(int(processor(torch.tensor([ids]), scores)[0].argmax()))
    while ids:
        type_ = VOCABULARY.opened_type(ids.pop(0))
        if type_ is not None:
            levels = VOCABULARY.shape(type_).levels
            codes, ids = ids[:levels], ids[levels:]
            if len(codes) == levels:
                assert Sid(type_, tuple(VOCABULARY.code(id_)[2] for id_ in codes)) in tries
                assert not ids or ids.pop(0) == VOCABULARY.closer(type_)


def test_nothing_left_is_an_error_and_its_type_is_not_opened():
    empty = catalog(0).by_type["show"].only([])
    scores = torch.zeros(1, VOCABULARY.size)
    with pytest.raises(NothingAllowed):
        CatalogLogits(VOCABULARY, {"show": empty}, opened="show")(torch.zeros(1, 0, dtype=torch.long), scores)
    outside = CatalogLogits(VOCABULARY, {"show": empty})(torch.tensor([[5]]), scores)
    assert outside[0, VOCABULARY.opener("show")] == -torch.inf and outside[0, 7] == 0
