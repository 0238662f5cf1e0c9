"""The controlled vocabularies: the only topics, tones, formats and languages that items, plans and filters may name."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from rapidfuzz import fuzz, process

from catalog.errors import UnknownFacet

DEMO_VOCABULARY = Path(__file__).parent / "demo" / "vocabulary.yaml"


@dataclass(frozen=True)
class Vocabulary:
    """Names in the order of the file, which is the order pages and plans show them in."""

    topics: tuple[str, ...]
    tones: tuple[str, ...]
    formats: tuple[str, ...]
    languages: dict[str, str]
    """ISO 639-1 code -> English name."""

    def names(self, kind: str) -> tuple[str, ...]:
        """All names of a kind: topic, tone, format, or language (its codes)."""
        return {
            "topic": self.topics,
            "tone": self.tones,
            "format": self.formats,
            "language": tuple(self.languages),
        }[kind]

    def require(self, kind: str, name: str) -> str:
        """`name` itself if the vocabulary has it, else UnknownFacet with the nearest name as the remedy."""
        names = self.names(kind)
        if name not in names:
            near = process.extractOne(str(name), names, scorer=fuzz.ratio, score_cutoff=60)
            raise UnknownFacet(kind, name, near[0] if near else None)
        return name


def load_vocabulary(path: Path = DEMO_VOCABULARY) -> Vocabulary:
    """Reads a vocabulary file (YAML: lists `topics`, `tones`, `formats`, mapping `languages`)."""
    data = yaml.safe_load(path.read_text("utf-8"))
    return Vocabulary(tuple(data["topics"]), tuple(data["tones"]), tuple(data["formats"]), dict(data["languages"]))
