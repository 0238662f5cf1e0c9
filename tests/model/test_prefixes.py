"""A prompt that begins as an earlier one did is read from where they differ, with the same states."""

import numpy as np
import pytest
import torch

from neo.model import runner as runner_module
from neo.model.backbone import Hub, Llama
from neo.model.prefixes import Prefixes
from neo.model.runner import Runner
from tests import tiny

BOOK = tiny.book({"show": (3, 5)})


class Counted:
    """A runner that counts the tokens it reads."""

    def __init__(self, monkeypatch, backbone=Llama):
        monkeypatch.setattr(runner_module, "backbone_of", lambda model, light: backbone(model))
        model, self.format = tiny.model(BOOK)
        self.runner, self.read = Runner(model), 0
        embed = self.runner.embed

        def counting(ids, soft=()):
            self.read += len(ids)
            return embed(ids, soft)

        monkeypatch.setattr(self.runner, "embed", counting)

    def prompt(self, words):
        return [self.runner.vocabulary.id("message"), self.runner.vocabulary.id("message-vector"),
                *self.format.words(words)]  # fmt: skip

    def start(self, ids, soft):
        self.read = 0
        return self.runner.start(ids, soft)


@pytest.fixture(params=[Llama, Hub])
def counted(request, monkeypatch):
    return Counted(monkeypatch, request.param)


SEA, LAW = (np.full(tiny.WIDTH, value, np.float32) for value in (0.5, -0.5))


def test_a_next_turn_reads_only_what_is_new(counted):
    first = counted.prompt("two shows")
    context = counted.start(first, [SEA])
    assert counted.read == len(first)
    plan = counted.format.words(" about the sea")
    context.extend(plan)
    context.remember()
    context.extend(counted.format.words(" and words that are not remembered"))
    more = counted.prompt(" thanks")
    again = counted.start([*first, *plan, *more], [SEA, LAW])
    assert counted.read == len(more)
    counted.runner.prefixes = Prefixes()
    fresh = counted.start([*first, *plan, *more], [SEA, LAW])
    assert counted.read == len(first) + len(plan) + len(more)
    assert torch.allclose(again.hidden, fresh.hidden, atol=1e-5)
    again.extend(plan)
    fresh.extend(plan)
    assert torch.allclose(again.hidden, fresh.hidden, atol=1e-5), "it goes on as any other"


def test_the_same_prompt_again_reads_its_last_token(counted):
    ids = counted.prompt("two shows about the sea")
    counted.start(ids, [SEA]).remember()
    context = counted.start(ids, [SEA])
    assert counted.read == 1 and context.length == len(ids)


def test_another_vector_is_another_prompt(counted):
    ids = counted.prompt("two shows about the sea")
    counted.start(ids, [SEA]).remember()
    counted.start(ids, [LAW])
    assert counted.read == len(ids) - 1, "only what stands before the vector is shared"


def test_what_two_have_in_common_changes_for_neither(counted):
    ids = counted.prompt("two shows")
    counted.start(ids, [SEA]).remember()
    one, other = (counted.start(ids, [SEA]) for _ in range(2))
    one.extend(counted.format.words(" about the sea"))
    other.extend(counted.format.words(" about law and order"))
    counted.runner.prefixes = Prefixes()
    fresh = counted.start([*ids, *counted.format.words(" about the sea")], [SEA])
    assert torch.allclose(one.hidden, fresh.hidden, atol=1e-5)


def test_the_least_recently_used_go_first(counted):
    prompts = [counted.prompt(word) for word in ("alpha", "beta", "gamma")]
    vectors = [np.full(tiny.WIDTH, value, np.float32) for value in (1, 2, 3)]
    contexts = [counted.start(ids, [vector]) for ids, vector in zip(prompts, vectors, strict=True)]
    one = contexts[0].cache.copy(len(prompts[0])).bytes
    counted.runner.prefixes = Prefixes(most_bytes=2 * max(one, contexts[1].cache.copy(len(prompts[1])).bytes))
    contexts[0].remember()
    contexts[1].remember()
    counted.start(prompts[0], [vectors[0]])
    contexts[2].remember()
    read = []
    for ids, vector in zip(prompts, vectors, strict=True):
        counted.start(ids, [vector])
        read.append(counted.read)
    assert read == [1, len(prompts[1]) - 1, 1], "the second was the one that nobody asked for since"
