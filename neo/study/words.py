"""What the rater's page says itself, in every language that a study can have."""

from functools import cache
from pathlib import Path

import yaml

LANGUAGES = ("en", "es", "fr", "de", "pt", "it")
_FILE = Path(__file__).parent / "words.yaml"


@cache
def words(language: str) -> dict[str, str]:
    """The page's words by key; keys are the same in all languages."""
    return yaml.safe_load(_FILE.read_text(encoding="utf-8"))[language]
