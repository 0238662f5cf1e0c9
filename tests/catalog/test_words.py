"""What is a word, in any of the catalog's home languages, and what is none."""

import pytest

from catalog.words import is_word


@pytest.mark.parametrize("word", ["drilled", "podcast", "weltraum", "fantomes", "quiero", "voce", "perche"])
def test_what_people_write_is_a_word_without_its_accents(word):
    assert is_word(word)


@pytest.mark.parametrize("word", ["driled", "piraensi", "hte", "porphet", "weltruam", ""])
def test_what_they_mistype_is_none(word):
    assert not is_word(word)
