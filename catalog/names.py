"""How a name is compared and made into a key: the spelling of titles and makers, without a database.

`plain` is what two spellings of one name have in common, `without_article` what is left of a title for those who drop
its article; `same_words` and `one_slip` tell a typo from another word, and `item_key` is the readable identity of an
item.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

ARTICLES = {
    "en": ("the", "a", "an"),
    "es": ("el", "la", "los", "las", "un", "una"),
    "fr": ("le", "la", "les", "l", "un", "une", "des"),
    "de": ("der", "die", "das", "ein", "eine"),
    "pt": ("o", "a", "os", "as", "um", "uma"),
    "it": ("il", "lo", "la", "i", "gli", "le", "l", "un", "uno", "una"),
}
# A visitor may put an article of any language before a title. One-letter ones other than "a" are left alone:
# "I, Robot" is not the Italian for "Robot".
SPOKEN_ARTICLES = frozenset(word for words in ARTICLES.values() for word in words if len(word) > 1 or word == "a")

_SPELLED_OUT = str.maketrans({"&": " and ", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d"})
_ASCII_WORDS = re.compile(r"[a-z0-9]+")
_CONTRACTION = re.compile(r"(?<=\w)['’ʼ](?=(?:s|t|d|m|re|ve|ll)\b)")


@lru_cache(1 << 14)  # imports ask for the same makers and genres, and for one title several times in a row
def plain(name: str) -> str:
    """Words in lower case, accents and punctuation gone: "The Handmaid’s Tale!" -> "the handmaids tale"."""
    if name.isascii():  # nothing to unfold, and most names are: ten times as fast
        return " ".join(_ASCII_WORDS.findall(_CONTRACTION.sub("", name.lower().replace("&", " and "))))
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    joined = _CONTRACTION.sub("", folded.translate(_SPELLED_OUT))
    # Class 0 marks are the vowel signs of Indic scripts, letters in all but name.
    letters = (
        char if char.isalnum() or unicodedata.category(char).startswith("M") else " "
        for char in joined
        if not unicodedata.combining(char)
    )
    return " ".join("".join(letters).split())


def without_article(plain_name: str, articles: Collection[str] = SPOKEN_ARTICLES) -> str:
    """A plain name without its leading article; a name that is nothing but an article stays."""
    first, _, rest = plain_name.partition(" ")
    return rest if rest and first in articles else plain_name


def same_words(said: Sequence[str], meant: Sequence[str]) -> bool:
    """Whether each word has a likeness on the other side: letters alone call "brief history of tea" a typo of time."""
    if fuzz.ratio("".join(said), "".join(meant)) >= 96:
        return True  # "nightvale" for "night vale"
    return all(
        max(fuzz.ratio(word, other) for other in others) >= 70
        for words, others in ((said, meant), (meant, said))
        for word in words
    )


def one_slip(said: str, meant: str) -> bool:
    """Whether plain `said` is `meant` but for one letter that is missing, too much, wrong or swapped with the next.
    Two numbers are never typos of each other."""
    return OSA.distance(said, meant, score_cutoff=1) <= 1 and _digits(said) == _digits(meant)


def _digits(name: str) -> str:
    return "".join(char for char in name if char.isdigit())


def slug(name: str) -> str:
    """A name as a part of a key: "¿Qué es esto?" -> "que-es-esto"."""
    return plain(name).replace(" ", "-") or "untitled"


def item_key(type_name: str, title: str, makers: Sequence[str], taken: Collection[str]) -> str:
    """The first of type:title, type:title-maker, type:title-maker-2, ... that is not taken."""
    key = f"{type_name}:{slug(title)}"
    if key in taken and makers:
        key = f"{key}-{slug(makers[0])}"
    stem, number = key, 2
    while key in taken:
        key, number = f"{stem}-{number}", number + 1
    return key
