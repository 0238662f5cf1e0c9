"""Short messages in their own language, doubtful ones in the conversation's."""

import pytest

from neo.chat.language import message_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("surprise me please", "en"),
        ("surprise me again", "en"),
        ("dos podcasts de historia", "es"),
        ("algo divertido para andar", "es"),
        ("Ein Hörbuch", "de"),
        ("Surprends-moi", "fr"),
        ("algo mais curto", "pt"),
        ("e in francese?", "it"),
        ("Et maintenant en français, s'il te plaît", "fr"),
        ("true crime podcasts in German", "en"),
    ],
)
def test_a_message_is_recognised_whatever_was_spoken_before(text, language):
    assert {message_language(text, previous) for previous in ("en", "es", "fr")} == {language}


@pytest.mark.parametrize("text", ["", "?", "😀🎧", "ok", "Dune", "1984", "un podcast", "\n\x00\n"])
def test_what_could_be_any_keeps_the_conversations_language(text):
    assert {previous: message_language(text, previous) for previous in ("en", "de", "it")} == {
        "en": "en",
        "de": "de",
        "it": "it",
    }


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Was denkst du, gefällt mir?", "de"),
        ("Was glaubst du, was ich mag?", "de"),
        ("WAS IST DAS ZWEITE?", "de"),
        ("Was magst du denken, was mir gefällt?", "de"),
        ("im clueless when it comes to that, enlighten me", "en"),
    ],
)
def test_a_conversation_stays_in_its_language_if_it_may_be_that(text, language):
    assert message_language(text, language) == language


def test_a_long_message_is_read_from_its_beginning():
    assert message_language("Ich suche ein ruhiges Hörbuch. " * 5000) == "de"
