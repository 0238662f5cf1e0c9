"""The page speaks six languages: every one of them says everything, and the browser picks."""

import re
from dataclasses import fields

import pytest

from catalog.wish import Wish
from neo.chat.cards import Labels, card_html
from neo.chat.parts import Card
from neo.chat.tour import SCENES
from neo.chat.trace import PHASES
from neo.chat.translations import TRANSLATIONS, fixed
from neo.chat.words import words
from neo.wording import LANGUAGES
from tests import tiny


def flat(says, name="hood"):
    """Texts of nested mappings under one name each."""
    if isinstance(says, str):
        return {name: says}
    return {key: text for inner, each in says.items() for key, text in flat(each, f"{name}.{inner}").items()}


def test_the_hood_has_a_name_for_every_phase_and_filter():
    says = words("en")["hood"]
    assert says["phases"].keys() == set(PHASES)
    assert says["fields"].keys() == {field.name for field in fields(Wish)} - {"where"}, "that is the operator's own"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language):
    english, spoken = (words(code)["page"] | flat(words(code)["hood"]) for code in ("en", language))
    assert spoken.keys() == english.keys() and all(spoken.values())
    assert all(
        re.findall(r"{\w+}|</?\w+>", spoken[key]) == re.findall(r"{\w+}|</?\w+>", english[key]) for key in spoken
    )
    assert len([name for name in SCENES if name.startswith(f"{language}-")]) == len(words("en")["tour"]) == 5
    assert TRANSLATIONS.translations_dict[language].keys() == TRANSLATIONS.translations_dict["en"].keys()


def test_what_the_page_asks_for_is_there():
    assert fixed("send").key in TRANSLATIONS.translations_dict["pt"]
    assert "<h1>Was hören wir?</h1>" in TRANSLATIONS.translations_dict["de"][fixed("header").key]
    with pytest.raises(KeyError, match="the page has no text 'sned'"):
        fixed("sned")


def test_a_card_by_hand_in_another_language():
    card = Card(tiny.item(), 1, 0.0)
    english, german = (
        card_html(card, Labels({"show": "Show"}, {"en": "English"}).spoken(code)) for code in ("en", "de")
    )
    assert "true crime" in english and "Show" in english and "English" in english
    assert "wahre Verbrechen" in german and "Podcast" in german and "Englisch" in german
    assert Labels().spoken("fr").topics["history"] == "histoire", "no article: it stands alone"
    assert "A reporter looks again at a murder case." in german, "descriptions stay as the catalog has them"
