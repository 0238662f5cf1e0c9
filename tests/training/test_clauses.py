"""Composed wordings: every language has the same pieces, and what they say is what their plan means."""

from dataclasses import replace

import numpy as np
import pytest

from neo.errors import PromptInvalid
from neo.sids.vocabulary import MOST
from neo.training import wordings
from neo.training.meaning import SLOT_TERMS, SLOTS, check_wordings, refuses
from neo.training.requests import Requests, counted
from neo.training.shelf import Shelf
from neo.training.wordings import CLAUSES, Draw
from neo.wording import LANGUAGES, Wording, slots
from tests.training.test_tasks import SHELF

KINDS = {kind for kinds in CLAUSES.values() for kind in kinds}


def say_of(entry):
    return entry if isinstance(entry, str) else entry["say"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_frames_and_clauses_have_the_slots_that_composing_fills(language):
    pieces = Wording.load(language).clauses()
    assert set(pieces["frames"]) == set(CLAUSES) and set(pieces["clauses"]) == KINDS
    for act, frames in pieces["frames"].items():
        for frame in frames:
            assert "clauses" in slots(frame) and (act == "refine" or "slate" in slots(frame)), frame
            assert slots(frame) <= {"clauses", "slate"}, frame
    for clauses in pieces["clauses"].values():
        for clause in clauses:
            said, known = slots(say_of(clause)), set(SLOT_TERMS) | {"language"}
            assert said <= known and (said or clause["plan"]), clause


def composing(shelf=SHELF, split="train", seed=0):
    return Requests(shelf, Draw(np.random.default_rng(seed)), split, LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("split", ["train", "heldout"])
def test_wordings_have_the_slots_that_their_acts_fill(language, split):
    for act, entries in Wording.load(language).requests(split).items():
        assert set().union(*(slots(say_of(entry)) for entry in entries)) <= SLOTS[act]


def test_a_slot_that_nothing_fills_is_told_before_training(monkeypatch):
    monkeypatch.setattr(Wording, "requests", lambda self, split: {"why": ["Why {{ ref }} and {{ ref2 }}?"]})
    check_wordings.cache_clear()
    with pytest.raises(PromptInvalid, match="ref2.*expected ref"):
        composing()
    check_wordings.cache_clear()


def test_small_talk_that_no_reply_is_for_is_told_too(monkeypatch):
    monkeypatch.setattr(Wording, "requests", lambda self, split: {"talk": [{"say": "Ta!", "reply": "tanks"}]})
    check_wordings.cache_clear()
    with pytest.raises(PromptInvalid, match="'Ta!': no reply is for 'tanks'; expected one of thanks"):
        composing()
    check_wordings.cache_clear()


@pytest.mark.parametrize("act", ["recommend", "refine"])
def test_what_refuses_is_drawn_in_its_share_and_has_a_part_in_every_fold(act):
    draw, wording = Draw(np.random.default_rng(0)), Wording.load("en")
    parts = [Requests(SHELF, draw, "train", LANGUAGES, fold=(fold, 4)) for fold in range(4)]
    for part in parts:
        drawn = [refuses(*part.wordings.whole(act, wording)) for _ in range(400)]
        assert abs(np.mean(drawn) - wordings.REFUSING) < 0.06
    told = [{str(entry) for entry in part.wordings.of(act, wording)} for part in parts]
    assert sum(map(len, told)) == len(set().union(*told)), "no wording is in two folds"


def test_every_language_answers_the_same_situations():
    for language in LANGUAGES:
        assert Wording.load(language).replies["talk"].keys() == Wording.load("en").replies["talk"].keys()


@pytest.mark.parametrize("act", CLAUSES)
def test_no_slot_is_filled_twice_no_length_is_said_twice_and_a_search_names_a_maker(act):
    made = composing()
    for language in LANGUAGES * 20:
        say, fixed = made.wordings.composed(act, Wording.load(language))
        assert all(say.count(f"{{{{ {slot} }}}}") == 1 for slot in slots(say)), say
        assert len(fixed.get("lengths", ())) + len(slots(say) & {"minutes", "hours"}) <= 1, say
        assert set(fixed) <= {"familiarity", "lengths", "topics", "tones"} and (
            act != "search" or "maker" in slots(say)
        )


def test_a_plan_names_values_in_the_order_of_the_words(monkeypatch):
    monkeypatch.setattr(wordings, "COMPOSED", {"recommend": 1.0})
    made, both = composing(), 0
    for _ in range(3000):
        asked = made.ask("recommend", Wording.load("en"))
        topics = asked.plan.values("topic")
        if len(topics) == 2 and all(topic in asked.text for topic in topics):
            assert asked.text.index(topics[0]) < asked.text.index(topics[1]), asked
            both += 1
    assert both


def test_held_out_requests_are_never_composed(monkeypatch):
    monkeypatch.setattr(wordings, "COMPOSED", dict.fromkeys(CLAUSES, 1.0))
    known = {say_of(entry) for entry in Wording.load("en").requests("heldout")["recommend"]}
    made = composing(split="heldout")
    assert all(made.wordings.entry("recommend", Wording.load("en"))[0] in known for _ in range(50))


def test_a_catalog_without_makers_falls_back_to_whole_sentences(monkeypatch):
    monkeypatch.setattr(wordings, "COMPOSED", dict.fromkeys(CLAUSES, 1.0))
    bare = Shelf([replace(item, makers=()) for item in SHELF.items], SHELF.vectors)
    made = composing(bare)
    assert made.wordings.composed("search", Wording.load("en")) is None
    assert made.ask("search", Wording.load("en")).text


@pytest.mark.parametrize(
    ("language", "number", "what", "said"),
    [
        ("en", "a", "podcast", "a podcast"),
        ("en", "a", "episode", "an episode"),
        ("fr", "une poignée de", "podcasts", "une poignée de podcasts"),
        ("fr", "une poignée de", "épisodes", "cinq épisodes"),
        ("es", "un par de", "episodios", "un par de episodios"),
        ("de", "", "Podcasts", "Podcasts"),
    ],
)
def test_a_number_suits_what_is_counted(language, number, what, said):
    assert counted(number, what, Wording.load(language)) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_number_word_means_two_numbers(language):
    numbers = Wording.load(language).phrases["numbers"]
    said = [word for words in numbers.values() for word in words]
    assert set(numbers) == set(range(1, MOST + 1)) and len(said) == len(set(said))


@pytest.mark.parametrize("language", LANGUAGES)
def test_something_means_as_many_as_any_request_without_a_number(language):
    """It once meant one where it filled a slot, and three where the wording itself said it."""
    made, wording, seen = composing(), Wording.load(language), set()
    for _ in range(600):
        types, (phrase, _) = made.slate(wording, SHELF.items[0], {}, True, 10)
        if any(phrase == said or phrase.startswith(f"{said} ") for said in wording.phrases["types"]["any"]["one"]):
            assert types == (("any", 3),), phrase
            seen.add(phrase)
    assert seen >= set(wording.phrases["types"]["any"]["one"])
    assert made.slate(wording, SHELF.items[0], {}, False, 10)[0] == (("any", 3),)
    asked = {made.slate(wording, SHELF.items[0], {"count": 1}, True, 10)[0] for _ in range(200)}
    assert (("any", 1),) in asked and (("any", 3),) not in asked, "unless the wording says how many"
