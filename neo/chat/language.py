"""Which language a message is in: langdetect, seeded, with its doubts respected."""

from langdetect import DetectorFactory, LangDetectException, detect_langs

from neo.wording import LANGUAGES

DetectorFactory.seed = 0  # the detector samples; without a seed the same message can change its language
SURE, MOST_DETECTED = 0.8, 400


def message_language(text: str, previous: str = "en") -> str:
    """The language a reply should be in. Short or doubtful messages keep the conversation's language."""
    if sum(character.isalpha() for character in text) < 12 or len(text.split()) < 3:
        return previous
    try:
        guesses = detect_langs(text[:MOST_DETECTED])
    except LangDetectException:
        return previous
    best = next((guess for guess in guesses if guess.lang in LANGUAGES), None)
    return best.lang if best and best.prob >= SURE else previous
