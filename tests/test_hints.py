"""Hints: what is recognised stands behind the words, the likeliest facets first, and is not learned."""

from zlib import crc32

import numpy as np
import pytest
import torch

from catalog.lookup import MakerIndex, TitleIndex
from catalog.mentions import Mentions
from neo.format import Format, Message, Reply
from neo.hints import (
    COUNTED,
    HEARD,
    MOST,
    MOST_PIECES,
    MOST_POSSIBLE,
    REFUSAL,
    Hints,
    leanings,
    pieces,
    placed,
    unnamed,
)
from neo.model.probe import BARE, BUCKETS, FOLLOWS, REFUSES, Probe, letters
from neo.plan import Hint, Plan, Term
from neo.sids.vocabulary import TypeShape, Vocabulary
from tests import tiny

NAMES = ("law", "sea", "war", "food", "space", "music", "love", "maps", "art", "sport")
FACETS = tuple(("topic", name) for name in NAMES)
VOCABULARY = Vocabulary(49152, (TypeShape("show", 2, 4),), ("en",))


class Spelled:
    """A text speaks of the facets whose names stand in it: an encoder with a dimension for each."""

    width = len(FACETS)

    def encode(self, texts, batch=64, progress=lambda done: None):
        return np.array([[float(name in text) for _, name in FACETS] for text in texts], np.float32)


class Straight(Probe):
    """Logits that are the vector itself, at 0.9 or 0.05."""

    def __init__(self):
        super().__init__(len(FACETS), FACETS)

    def forward(self, vectors, spelled=None):
        return torch.logit(0.05 + 0.85 * vectors)


MENTIONS = Mentions(TitleIndex([(1, "show:serial", "show", "Serial", "en", 5)]), MakerIndex([(1, "Jules Verne")]))
HINTS = Hints(Straight(), Spelled(), MENTIONS)


def test_names_stand_before_facets_and_unlikely_facets_are_left_out():
    (found,) = HINTS.of(["Like Serial, by the sea. No war."])
    assert found.terms == (Term("title", "Serial"), Term("topic", "sea"), Term("topic", "war"))


def test_a_message_has_at_most_so_many_facets():
    (found,) = HINTS.of([" ".join(name for _, name in FACETS)])
    assert len(found.terms) == MOST and len(found.perhaps) == MOST_POSSIBLE < len(FACETS) - MOST


class Unsure(Straight):
    def forward(self, vectors, spelled=None):
        return torch.logit(torch.sigmoid(super().forward(vectors, spelled)) * torch.tensor([1, 0.3, *[1] * 8]))


def test_what_is_less_sure_stands_apart():
    hint = Hints(Unsure(), Spelled(), MENTIONS).of(["the sea and law"])[0]
    assert (hint.terms, hint.perhaps) == ((Term("topic", "law"),), (Term("topic", "sea"),))
    format_ = Format(tiny.tokenizer(), VOCABULARY)
    ids = format_.render([Message("the sea and law", np.ones(6, np.float32), hint=hint)]).ids
    said = [VOCABULARY.name(i) or format_.text([i]) for i in ids[ids.index(VOCABULARY.id("hint")) :]]
    assert said[:8] == ["hint", "topic", " law", "/hint", "hint", "topic", " sea", "/hint"]


def test_a_message_speaks_of_what_its_best_piece_does():
    logits = torch.tensor([[0.0, 1, -1, *[0] * 7], [2.0, 0, -2, *[0] * 7], [1.0, *[0] * 9]])
    assert Straight().spoken(logits, torch.tensor([0, 0, 1]), 2)[:, :3].tolist() == [[2, 1, -1], [1, 0, 0]]


def test_pieces_hold_the_whole_and_every_clause_of_a_short_message():
    cut = pieces("Rest, tea and two podcasts. Let it be calm!")
    assert cut[0] == "Rest, tea and two podcasts. Let it be calm!" and {"Rest", "Let it be calm"} <= set(cut)
    assert pieces("") == [""] and len(pieces("word, " * 500)) <= MOST_PIECES


def test_a_hint_is_read_and_not_learned():
    format_ = Format(tiny.tokenizer(), VOCABULARY)
    message = Message(
        "Like Serial?", np.ones(6, np.float32), hint=Hint(terms=(Term("title", "Serial"), Term("topic", "law")))
    )
    rendered = format_.render([message])
    names = [VOCABULARY.describe(i) if i >= 49152 else format_.tokenizer.decode([i]) for i in rendered.ids]
    at = names.index("<|hint|>")
    assert names[at : at + 6] == ["<|hint|>", "<|title|>", " Serial", "<|topic|>", " law", "<|/hint|>"]
    assert not any(rendered.mask)


def test_without_facets_or_hints_nothing_is_written(tmp_path):
    Probe(6, ()).save(tmp_path / "probe.safetensors")
    empty = Probe.load(tmp_path / "probe.safetensors")
    assert Hints(empty, Spelled(), MENTIONS).of(["sea and war"]) == [Hint()]
    format_ = Format(tiny.tokenizer(), VOCABULARY)
    assert VOCABULARY.id("hint") not in format_.render([Message("hi", np.ones(6, np.float32))]).ids


def test_a_saved_probe_says_the_same_and_is_read_with_its_own_letters_alone(tmp_path, monkeypatch):
    torch.manual_seed(0)
    probe, vectors = Probe(6, (*FACETS, ("act", "why"))).eval(), torch.randn(2, 6)
    torch.nn.init.normal_(probe.letters.weight, std=0.05)
    probe.save(tmp_path / "probe.safetensors")
    again, spelled = Probe.load(tmp_path / "probe.safetensors"), [letters("why that"), letters("")]
    assert again.outputs == probe.outputs
    assert torch.allclose(again(vectors, spelled), probe(vectors, spelled), atol=2e-2)
    monkeypatch.setattr("neo.model.probe.LETTERS", "other letters")
    with pytest.raises(KeyError, match="other letters"):
        Probe.load(tmp_path / "probe.safetensors")
    assert torch.equal(probe(vectors, spelled)[:, :-1], probe(vectors)[:, :-1]), "facets are heard from vectors alone"
    assert not torch.equal(probe(vectors, spelled)[0], probe(vectors)[0])


@pytest.mark.parametrize(
    ("text", "value", "covered"),
    [
        ("Like Serial, but no serials", "Serial", " Serial"),  # where it stands, not in a longer word after it
        ("İİİİİİİİ Serial", "Serial", " Serial"),  # letters that are two in lower case move nothing
    ],
)
def test_a_hint_has_the_tokens_of_the_name_as_it_stands(text, value, covered):
    format_ = Format(tiny.tokenizer(), VOCABULARY)
    ids = format_.render([Message(text, np.ones(6, np.float32), hint=Hint(terms=(Term("title", value),)))]).ids
    at = ids.index(VOCABULARY.id("title"))
    assert ids[at + 1 : ids.index(VOCABULARY.id("/hint"))] == format_.words(covered)


def test_facets_that_the_catalog_lacks_are_no_hints():
    hints = Hints(Straight(), Spelled(), MENTIONS, known={("topic", "sea")})
    assert hints.of(["sea and war"]) == [Hint(terms=(Term("topic", "sea"),))]


@pytest.mark.parametrize("count", range(1, 50))
def test_every_word_of_a_message_stands_in_a_window(count):
    words = [f"w{n}" for n in range(count)]
    assert set(words) <= {word for piece in pieces(" ".join(words))[1:] or words for word in piece.split()}


class Asks(Probe):
    """Hears acts, types and follow-ups in the whole message alone, by what stands in it."""

    def __init__(self):
        super().__init__(4, (("act", "why"), ("act", "recommend"), ("type", "show"), FOLLOWS))

    def forward(self, vectors, spelled=None):
        return torch.logit(0.1 + 0.8 * vectors)


class Words:
    """A dimension for each of four words, 1 where a text is the whole message that holds it."""

    width = 4

    def encode(self, texts, batch=64, progress=lambda done: None):
        return np.array([[float(word in text) for word in ("why", "give", "show", "rather")] for text in texts], "f")


def test_what_the_whole_message_seems_to_ask_for_is_hinted():
    hints = Hints(Asks(), Words(), MENTIONS)
    assert hints.of(["rather give me a show", "hm"]) == [Hint("recommend", follows=True, types=("show",)), Hint()]
    assert hints.of(["why"]) == [Hint("why")]


class Flags(Asks):
    def __init__(self):
        Probe.__init__(self, 4, (("familiarity", "new"), REFUSES, BARE, ("length", "shorter")))


def test_what_is_refused_known_bare_or_shorter_is_hinted():
    hints = Hints(Flags(), Words(), MENTIONS)
    assert hints.of(["why give", "show", "rather"]) == [
        Hint(refuses=True, familiarity="new"),
        Hint(ids_only=True),
        Hint(terms=(Term("length", "shorter"),)),
    ]


class Talks(Asks):
    def __init__(self):
        said = (("situation", "thanks"), ("situation", "bye"))
        Probe.__init__(self, 4, (("act", "talk"), ("act", "recommend"), *said))


def test_small_talk_is_heard_and_not_read():
    thanks, bye = Hints(Talks(), Words(), MENTIONS).of(["why show", "why rather"])
    assert (thanks.situation, bye.situation) == ("thanks", "bye") and thanks == bye == Hint("talk")
    assert Hint().situation is None and Hints(Asks(), Words(), MENTIONS).of(["why"])[0].situation is None


class Feels(Probe):
    """Chances of sadness, distress and bad health, by a vector alone and with letters."""

    def __init__(self, alone: tuple[float, ...], whole: tuple[float, ...]):
        super().__init__(4, tuple(("situation", name) for name in ("sad", "crisis", "health")))
        self.alone, self.whole = alone, whole

    def forward(self, vectors, spelled=None):
        return torch.logit(torch.tensor([self.alone if spelled is None else self.whole] * len(vectors)))


@pytest.mark.parametrize(
    ("alone", "whole", "situation"),
    [
        ((0.6, 0.1, 0.2), (0.1, 0.1, 0.5), "health"),
        ((0.6, 0.45, 0.2), (0.9, 0.001, 0.1), "crisis"),
        ((0.6, 0.3, 0.2), (0.9, 0.001, 0.1), "sad"),
    ],
    ids=["vector and letters count alike", "help is named where the vector may mean distress", "but not for less"],
)
def test_which_situation_is_heard_by_hand(alone, whole, situation):
    (found,) = Hints(Feels(alone, whole), Words(), MENTIONS).of(["why"])
    assert found.situation == situation


def test_titles_of_the_slate_have_a_position():
    hint = Hint(terms=(Term("title", "serial"), Term("title", "Empire"), Term("by", "Criminal")))
    slate = ("Criminal", "Empire: A History", "Serial")
    assert placed(hint, slate).refs == (2, 3) and placed(hint, slate).terms == hint.terms
    assert placed(hint, ()) == hint
    heard = Hint("describe", refs=(3, 1))
    assert placed(heard, slate) == heard and placed(heard, slate[:2]).refs == (1,), "a slate of two has no third"


class Counts(Probe):
    """Hears a number by its letters alone."""

    def __init__(self):
        super().__init__(4, (("topic", "sea"), ("count", "2"), ("ref", "2"), ("language", "de")))

    def forward(self, vectors, spelled=None):
        logits = torch.full((len(vectors), 4), -9.0)
        for row, ids in enumerate(spelled or ()):
            for column, word in enumerate(("two", "second", "german"), start=1):
                logits[row, column] = 9.0 if crc32(word.encode()) % BUCKETS in ids else -9.0
        return logits


def test_numbers_languages_and_positions_are_heard_by_their_letters():
    hints = Hints(Counts(), Words(), MENTIONS)
    assert hints.of(["two, in German", "the second"]) == [Hint(counts=(2,), languages=("de",)), Hint(refs=(2,))]


def test_letters_are_runs_of_words_and_characters_and_not_of_names():
    one, two, three = (set(letters(text).tolist()) for text in ("Two", "two books", "an audiobook"))
    assert len(one & two) > len(one & three) and len(one & two) >= len(("two", "^ two", "<two>", "<tw", "wo>"))
    text = "Like Serial, by Jules Verne: two"
    bare = unnamed(text, MENTIONS.find(text))
    assert bare == "Like Xx, by Xx: two"


def test_names_that_are_mistyped_overlap_no_other():
    titles = TitleIndex([(1, "audiobook:x", "audiobook", "The Jules Verne Collection", "en", 5)])
    mentions = Mentions(titles, MakerIndex([(1, "Jules Verne")]))
    text = "the jules verne colection, two in German please"
    (found,) = mentions.find(text)
    assert found.kind == "title" and unnamed(text, [found]) == "Xx, two in German please"


def test_a_hint_is_written_with_the_tokens_of_a_plan():
    format_ = Format(tiny.tokenizer(), VOCABULARY)
    terms = (Term("topic", "law"),)
    hint = Hint("why", True, True, ("show",), (3,), ("en",), "new", ids_only=True, refs=(2,), terms=terms)
    ids = format_.render([Message("Why that?", np.ones(6, np.float32), hint=hint)]).ids
    start, stop = ids.index(VOCABULARY.id("hint")), ids.index(VOCABULARY.id("/hint"))
    said = [VOCABULARY.name(i) or format_.text([i]) or format_.tokenizer.decode([i]) for i in ids[start + 1 : stop]]
    assert said == ["why", "not", "type:show", "x3", "lang:en", "new", "ids", "ref", "ref", "x2", "topic", " law"]


def test_what_the_probe_hears_of_a_refusal_is_weighed_in_the_plan():
    hints = Hints(Flags(), Words(), MENTIONS)
    refuses, asks = (Message("", np.ones(4, np.float32), hint=hint) for hint in hints.of(["give", "show"]))
    assert leanings([refuses])["not"] == REFUSAL[1] and REFUSAL[0] <= leanings([asks])["not"] < 0
    earlier = Reply(Plan("recommend", terms=(Term("topic", "war", wanted=False),)))
    assert "not" not in leanings([refuses, earlier, asks]), "what was refused before may stay"
    assert leanings([Message("", np.ones(4, np.float32))]) == {"not": 0.0}, "a probe that hears nothing changes nothing"


def test_an_act_that_is_heard_in_the_last_message_is_weighed_in_the_plan():
    why, thanks = (Message("", np.ones(4, np.float32), hint=Hint(act=act)) for act in ("why", "talk"))
    assert leanings([why, Reply(Plan("why", refs=(1,))), thanks]) == {"talk": HEARD, "not": 0.0}
    assert leanings([Message("", np.ones(4, np.float32), hint=Hint(act="recommend"))]) == {"not": 0.0}


def test_a_count_that_alone_is_heard_is_weighed_in_the_plan():
    def gained(*counts: int, types: tuple[str, ...] = ("show",), before=(), follows: bool = False) -> dict[str, float]:
        hint = Hint(types=types, counts=counts, follows=follows)
        return leanings([*before, Message("", np.ones(4, np.float32), hint=hint)])

    assert gained(6) == gained(6, types=()) == {"x6": COUNTED, "not": 0.0}
    assert gained(6, types=("show", "audiobook")) == {"not": 0.0}, "of which of them is not known"
    assert gained(6, 1) == gained() == {"not": 0.0}
    assert gained(3) == gained(2) == gained(1) == {"not": 0.0}, "the model reads these itself; or they were not said"
    before = [Message("", np.ones(4, np.float32)), Reply(Plan("recommend", (("show", 3),)))]
    assert gained(1, types=(), before=before, follows=True) == {"x1": COUNTED, "not": 0.0}, "it changes what was asked"
    assert gained(1, before=before) == gained(1, follows=True) == {"not": 0.0}, (
        "nothing is changed, or nothing to change"
    )
