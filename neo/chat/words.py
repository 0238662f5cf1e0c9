"""What the page itself says in a visitor's language: examples, the actions of a card, what an action asks."""

import re
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
    """The first language of an Accept-Language header, which is the browser's own; English if the page lacks it."""
    code = re.split(r"[-;,]", (accepted or "").lower().strip())[0].strip()
    return code if code in LANGUAGES else "en"
