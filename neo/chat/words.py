"""What the page itself says in a visitor's language: examples, the actions of a card, what an action asks."""

from functools import cache
from pathlib import Path

import yaml

from neo.wording import LANGUAGES

_FILE = Path(__file__).parent / "words.yaml"


@cache
def words(language: str) -> dict:
    """The page's words by key, the same keys in every language; English for a language that it does not speak."""
    return _all()[language if language in LANGUAGES else "en"]


@cache
def _all() -> dict:
    return yaml.safe_load(_FILE.read_text(encoding="utf-8"))


def spoken(accepted: str | None) -> str:
    """The first language of an Accept-Language header that the page speaks."""
    for choice in (accepted or "").lower().split(","):
        code = choice.split(";")[0].strip().partition("-")[0]
        if code in LANGUAGES:
            return code
    return "en"
