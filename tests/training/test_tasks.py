"""Composed conversations agree with the catalog, parse, and say only what the facts say."""

import re

import numpy as np
import pytest

from neo.evaluation.talking import HEARD_BEFORE
from neo.format import Facts, Format, Message, Reply, copied_values
from neo.plan import ANY, SHORTER
from neo.sids.sid import Sid
from neo.sids.vocabulary import TypeShape, Vocabulary
from neo.training import batches
from neo.training.listeners import Simulation
from neo.training.recipe import ShortcutConfig
from neo.training.shelf import Shelf
from neo.training.tasks import Composer
from neo.wording import LANGUAGES
from tests import tiny

TASKS = ("ground", "recommend", "history", "search", "why", "describe", "compare", "profile", "refine", "talk")
TOPICS = ("true crime", "law", "history", "space", "food", "love")


def shelf():
    """Forty-eight items in six languages whose facets differ."""
    rng = np.random.default_rng(0)
    items = []
    for n in range(48):
        topics = tuple(rng.choice(TOPICS, 3, replace=False))
        items.append(
            tiny.item(
                f"Title {n} Of Things",
                "show" if n % 2 else "audiobook",
                (n % 8, n // 8),
                id=n,
                makers=(f"Maker {n}",),
                language=LANGUAGES[n % 7] if n % 7 < 6 else "en",
                topics=topics,
                tones=("calm", "funny"),
                minutes=None if n % 9 == 8 else 15 * (1 + n % 8),
                format="interview" if n % 2 else "novel",
                description=f"It tells the story number {n} at length.",
            )
        )
    vectors = rng.normal(size=(48, tiny.WIDTH)).astype(np.float32)
    return Shelf(items, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


SHELF = shelf()
BY_SID = {item.sid: item for item in SHELF.items}
FORMAT = Format(tiny.tokenizer(), Vocabulary(49152, (TypeShape("audiobook", 2, 8), TypeShape("show", 2, 8)), LANGUAGES))


class Vectors:
    """An encoder to which all messages are alike."""

    def encode(self, texts):
        return np.ones((len(texts), tiny.WIDTH), np.float32)


def composer(split="train", seed=0):
    return Composer(SHELF, Simulation(SHELF.items, SHELF.vectors), np.random.default_rng(seed), split, LANGUAGES)


@pytest.mark.parametrize(
    ("task", "split"), [("ground", "train"), *((t, s) for t in TASKS[1:] for s in ("train", "heldout"))]
)
def test_conversations_agree_with_the_catalog(task, split):
    made = composer(split)
    for depth in ("plan", "codes", "full") * 12:
        turns = made.compose(task, depth)
        said = [turn.text for turn in turns if isinstance(turn, Message)]
        reply = turns[-1]
        assert isinstance(reply, Reply) and all(text == text.strip() for text in said)
        for turn in turns:
            if isinstance(turn, Reply):
                parsed = FORMAT.parse_plan(FORMAT.plan(turn.plan, said, copied=turn.learn != "nothing"))
                said += copied_values(turn.plan)
                assert (parsed.act, parsed.types, parsed.refs) == (turn.plan.act, turn.plan.types, turn.plan.refs)
        turns = [
            Message(t.text, np.ones(tiny.WIDTH), t.history, t.listener) if isinstance(t, Message) else t for t in turns
        ]
        rendered = FORMAT.render(turns)
        assert len(rendered.ids) == len(rendered.mask) and any(rendered.mask)
        check_slate(reply)
        check_words(reply)


def check_slate(reply):
    """Items fulfil the plan: types in order and number, all facets."""
    items = [BY_SID[part] for part in reply.parts if isinstance(part, Sid)]
    assert len({item.sid for item in items}) == len(items)
    if reply.learn != "all" or not items:
        return
    assert len(items) <= reply.plan.count
    wanted = dict(reply.plan.types)
    for item in items:
        assert ANY in wanted or item.type in wanted
        for field, has in (("topic", item.topics), ("tone", item.tones), ("by", item.makers)):
            assert not reply.plan.values(field) or set(reply.plan.values(field)) & set(has)
            assert not set(reply.plan.values(field, wanted=False)) & set(has)
        most = reply.plan.most_minutes()
        assert most is None or item.minutes <= most


def test_what_is_asked_to_be_shorter_is_shorter_than_what_was_shown():
    made, seen = composer(), 0
    while seen < 5:
        *_, before, asked, reply = made.compose("refine", "full")
        slate, items = ([BY_SID[part] for part in turn.parts if isinstance(part, Sid)] for turn in (before, reply))
        if SHORTER not in reply.plan.values("length") or not items:
            continue
        seen += 1
        most = reply.plan.most_minutes(slate)
        assert most is None or all(item.minutes and item.minutes <= most for item in items), asked.text


def test_what_one_likes_is_asked_behind_a_slate_too():
    made = [composer(seed=seed).compose("profile", "full") for seed in range(24)]
    behind = [turns for turns in made if len(turns) == 4]
    assert 0 < len(behind) < len(made) and all(turns[-1].plan.act == "profile" for turns in made)
    for first, *_, asked, reply in behind:
        assert not asked.history
        if first.history:
            facts, words = reply.parts
            assert facts.text == words, "it is copied"
        else:
            assert reply.open and not reply.parts, "without a history the host says so"


@pytest.mark.parametrize("task", ["recommend", "search", "refine", "history", "why"])
def test_only_those_with_a_history_are_told_of_it_and_the_facts_say_so(task):
    made, seen, spoken = composer(), {True: 0, False: 0}, {True: 0, False: 0}
    for _ in range(60):
        turns = made.compose(task, "full")
        known, parts = bool(turns[0].history), turns[-1].parts
        assert not any(turn.history for turn in turns[1:] if isinstance(turn, Message))
        facts = [part.text for part in parts if isinstance(part, Facts)]
        words = " ".join(part for part in parts if isinstance(part, str))
        for part in parts:
            words = words.replace(BY_SID[part].description, " ") if isinstance(part, Sid) else words
        speaks = any(re.search(pattern, words, re.IGNORECASE) for pattern in HEARD_BEFORE.values())
        assert known or not speaks, words
        assert known or not any("| = " in text for text in facts)
        seen[known] += bool(facts)
        spoken[known] += speaks
    assert seen[True] if task != "search" else seen[False]
    assert (spoken[True] > 0) == (task != "search") and not spoken[False]


def check_words(reply):
    """Every title or story named in the words stands in the facts before them."""
    facts = ""
    for part in reply.parts:
        if isinstance(part, Facts):
            facts += part.text
        elif isinstance(part, str) and reply.learn == "all":
            for item in SHELF.items:
                if item.description in part:
                    assert item.description in facts


def test_the_same_seed_composes_the_same():
    one, two = ([composer(seed=3).compose("recommend", "full")[1] for _ in range(3)] for _ in range(2))
    assert one == two


def test_held_out_wordings_are_not_trained_on():
    from neo.wording import Wording

    for language in LANGUAGES:
        train, heldout = (Wording.load(language).requests(split) for split in ("train", "heldout"))
        for act in heldout:
            says = [
                {entry if isinstance(entry, str) else entry["say"] for entry in split[act]}
                for split in (train, heldout)
            ]
            assert not says[0] & says[1], f"{language} {act}"


def test_simulated_listeners_are_seeded_and_hear_nothing_twice():
    simulation = Simulation(SHELF.items, SHELF.vectors)
    for seed in range(30):
        history = simulation.history(seed)
        assert history == simulation.history(seed) and len(set(history)) == len(history) >= 5


def test_what_the_shortcut_learns_from_tells_what_was_heard_or_liked():
    config = ShortcutConfig(60, {"recommend": {"codes": 0.5}, "history": {"codes": 0.5}}, listeners=0)
    made = batches.samples(composer(), Vectors(), config)
    by_key = {item.key: row for item, row in zip(SHELF.items, SHELF.tastes, strict=True)}
    told = [at for at, keys in enumerate(made.heard) if keys]
    assert 30 < len(told) < len(made)
    for at, (keys, sid) in enumerate(zip(made.heard, made.sids, strict=True)):
        assert BY_SID[sid].key not in keys and bool(keys) == bool(made.listener[at].any())
        if len(keys) == 1:
            np.testing.assert_allclose(made.listener[at], by_key[keys[0]], atol=1e-6)


def test_pairs_are_counted_from_the_listeners_that_the_shortcut_learns_from():
    config = ShortcutConfig(1, {"recommend": {"codes": 1.0}}, listeners=3)
    made = batches.samples(composer(), Vectors(), config)
    whole = {}
    for keys, sid in zip(made.heard, made.sids, strict=True):
        if keys:
            whole[keys[0]] = {*keys, BY_SID[sid].key}
    together = made.pairs.counts.toarray()
    assert len(whole) == 3 and together.sum() == sum(len(keys) * (len(keys) - 1) for keys in whole.values())
    for keys in whole.values():
        at = [made.pairs.keys.index(key) for key in keys]
        assert (together[np.ix_(at, at)] + np.eye(len(at)) >= 1).all()


def test_what_was_named_is_told_of_as_often_as_what_was_heard_and_nobody_is_told_of_a_history():
    made, liked, heard = composer(), 0, 0
    for _ in range(150):
        message, reply = made.compose("recommend", "full")
        told = [part.text for part in reply.parts if isinstance(part, Facts)]
        liked += any("| liked " in text for text in told)
        heard += any("| = " in text for text in told)
        assert message.history or not any("| = " in text for text in told)
    assert liked >= heard > 0
