import pytest

from catalog.errors import UnknownFacet
from catalog.vocabulary import load_vocabulary


def test_the_demo_vocabulary():
    vocabulary = load_vocabulary()
    assert "sea" in vocabulary.topics and "calm" in vocabulary.tones and "novel" in vocabulary.formats
    assert vocabulary.languages["es"] == "Spanish"
    for kind in ("topic", "tone", "format", "language"):
        names = vocabulary.names(kind)
        assert names and len(set(names)) == len(names)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownFacet, match="unknown topic 'true crimes'.*did you mean 'true crime'"):
        load_vocabulary().require("topic", "true crimes")
    assert load_vocabulary().require("tone", "calm") == "calm"
