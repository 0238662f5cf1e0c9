"""Every template of prompts/ parses, and renders from what the program gives it; a missing variable is an error."""

import pytest

from neo.errors import PromptInvalid
from neo.wording import LANGUAGES, LIKED, Wording, commonest, render, slots
from tests import tiny

GIVEN = {"name": "x", "left_out": "x", "number": "2", "length": "9", "most": "2"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_notices_render_in_every_language(language):
    wording = Wording.load(language)
    assert wording.notices.keys() == Wording.load("en").notices.keys()
    for name in wording.notices:
        assert wording.notice(name, **GIVEN)


def test_facts_say_what_the_item_is():
    wording, item = Wording.load("en"), tiny.item()
    like = tiny.item("Criminal", topics=("law", "food"))
    assert wording.facts(item, like, ("law",), LIKED) == (
        "Serial | Sarah Koenig | 2014 | true crime and law | gripping | investigation series | "
        "A reporter looks again at a murder case. | liked Criminal: law | asked: law"
    )
    assert " | = Criminal: law" in wording.facts(item, like)
    assert "reporter" not in Wording.load("es").facts(item), "descriptions are English and stay in English replies"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_small_talk_is_said_twice_in_a_row(language):
    wording = Wording.load(language)
    for situation, known in wording.replies["talk"].items():
        said = [wording.small_talk(situation, turn) for turn in range(4)]
        assert set(said) == set(known) and said[:2] == said[2:]
        assert len(known) == 1 or said[0] != said[1]
    with pytest.raises(PromptInvalid, match="no talk for 'sneezing'"):
        wording.small_talk("sneezing", 0)


def test_what_is_said_of_a_taste_by_hand():
    wording, heard = Wording.load("de"), [tiny.item("A"), tiny.item("B", topics=("law",))]
    first, *_, last = said = [wording.profile(heard, turn) for turn in range(4)]
    assert first == "Deine Themen sind: Recht und wahre Verbrechen. Der Ton ist oft fesselnd." == last
    assert said[1] == "Du hörst gern etwas über Recht und wahre Verbrechen. Das sehe ich an A und B."
    bare = tiny.item("C", topics=(), tones=())
    assert wording.profile([bare], 0) == "C.", "where topics are unknown, what was heard"


def test_a_missing_variable_is_an_error():
    assert slots("{{ title }} by {{ maker }}") == {"title", "maker"}
    with pytest.raises(PromptInvalid, match="maker"):
        render("{{ title }} by {{ maker }}", title="Serial")


def test_commonest_by_hand():
    assert commonest(["a", "b", "b", "c", "a", "b"]) == ["b", "a", "c"]
