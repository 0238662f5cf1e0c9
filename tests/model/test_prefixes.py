"""A prompt that begins as an earlier one did is read from where they differ, with the same states."""

import numpy as np
import pytest
import torch

from neo.model import runner as runner_module
from neo.model.backbone import Hub, Llama
from neo.model.prefixes import READ_AGAIN, Prefixes
from neo.model.product import FEW
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
ASKED = "two shows about the sea, please"


def test_a_next_turn_reads_only_what_is_new(counted):
    first = counted.prompt(ASKED)
    context = counted.start(first, [SEA])
    assert counted.read == len(first)
    context.extend(counted.format.words(" and words of a reply, which are not kept"))
    more = [*counted.format.words(" 1. Serial"), *counted.prompt(" thanks for that")]
    again = counted.start([*first, *more], [SEA, LAW])
    assert counted.read == len(more)
    counted.runner.prefixes = Prefixes()
    fresh = counted.start([*first, *more], [SEA, LAW])
    assert counted.read == len(first) + len(more)
    assert torch.allclose(again.hidden, fresh.hidden, atol=1e-5)
    for context in (again, fresh):
        context.extend(counted.format.words(" and it goes on"))
    assert torch.allclose(again.hidden, fresh.hidden, atol=1e-5), "it goes on as any other"


def test_of_the_same_prompt_the_last_tokens_are_read_again(counted):
    """More of them than are read in a coarser arithmetic, so that a reply is the same whatever was asked before."""
    ids = counted.prompt(ASKED)
    counted.start(ids, [SEA])
    context = counted.start(ids, [SEA])
    assert counted.read == READ_AGAIN > FEW and context.length == len(ids)


def test_another_vector_is_another_prompt(counted):
    ids = counted.prompt(ASKED)
    counted.start(ids, [SEA])
    counted.start(ids, [LAW])
    assert counted.read == len(ids) - 1, "only what stands before the vector is shared"


def test_what_two_have_in_common_changes_for_neither(counted):
    ids = counted.prompt(ASKED)
    one, other = (counted.start(ids, [SEA]) for _ in range(2))
    one.extend(counted.format.words(" about the sea"))
    other.extend(counted.format.words(" about law and order"))
    counted.runner.prefixes = Prefixes()
    fresh = counted.start([*ids, *counted.format.words(" about the sea")], [SEA])
    assert torch.allclose(one.hidden, fresh.hidden, atol=1e-5)


def test_a_short_prompt_and_an_empty_one_are_read_whole(counted):
    for ids in (counted.prompt("sea"), counted.prompt("sea"), counted.format.words("sea")):
        counted.start(ids, [SEA] * (len(ids) > 1))
        assert counted.read == len(ids)


def test_the_least_recently_used_go_first(counted):
    prompts = [counted.prompt(f"{word} or nothing at all") for word in ("alpha", "omega", "gamma", "delta")]
    vectors = [np.full(tiny.WIDTH, value, np.float32) for value in range(4)]
    sizes = [counted.start(ids, [vector]).cache.copy(len(ids)).bytes
             for ids, vector in zip(prompts, vectors, strict=True)]  # fmt: skip
    counted.runner.prefixes = Prefixes(most_bytes=sum(sorted(sizes)[-3:]))

    def ask(at):
        counted.start(prompts[at], [vectors[at]])
        return counted.read

    read = [ask(at) for at in (0, 1, 2, 0, 3, 0, 1)]
    assert read[3] == read[5] == READ_AGAIN, "0 was asked for again and stays, though 3 begins with the same token"
    assert read[6] == len(prompts[1]) - 1, "1 is the one that nobody asked for since"


def test_what_is_larger_than_all_may_be_together_costs_nobody_their_place(counted):
    ids = counted.prompt(ASKED)
    size = counted.start(ids, [SEA]).cache.copy(len(ids)).bytes
    counted.runner.prefixes = Prefixes(most_bytes=size)
    counted.start(ids, [SEA])
    counted.start(counted.prompt(ASKED + " and a good deal more"), [LAW])
    counted.start(ids, [SEA])
    assert counted.read == READ_AGAIN
