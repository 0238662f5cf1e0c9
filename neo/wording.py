"""The words of `prompts/`: how people ask, how the assistant answers, what facts look like. Rendered strictly.

A folder per language holds `phrases.yaml` (how slots are said), `requests.train.yaml` and `requests.heldout.yaml` (what
visitors say, by act), `clauses.yaml` (plain requests in pieces, for training), `replies.yaml` (pieces of answers, and
answers to small talk by situation, for training) and `notices.yaml` (what the program itself says). `facts.txt` and its
neighbours are for the model's eyes, in every language.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import jinja2
import yaml
from jinja2 import meta

from neo.errors import PromptInvalid
from neo.items import CatalogItem
from neo.plan import SHORTER, minutes_of

FOLDER = Path(__file__).parent.parent / "prompts"
LANGUAGES = ("en", "es", "fr", "de", "pt", "it")
LIKED, RELATED = "liked", "="
"""What facts put before another item: one that the visitor named; any other, heard before or compared with."""
_jinja = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=False)


@lru_cache(4096)  # composed wordings are without number
def _template(text: str) -> jinja2.Template:
    return _jinja.from_string(text)


@lru_cache(4096)
def slots(text: str) -> frozenset[str]:
    """Names of the variables that a template needs."""
    return frozenset(meta.find_undeclared_variables(_jinja.parse(text)))


def render(text: str, **values) -> str:
    """Fill a template. Raises PromptInvalid when a variable is missing."""
    try:
        return _template(text).render(**values)
    except jinja2.UndefinedError as error:
        raise PromptInvalid(f"template {text!r}: {error}; expected one of {', '.join(sorted(values))}") from error


@cache
def _file(path: Path) -> str:
    if not path.exists():
        raise PromptInvalid(f"{path} is missing: restore it from the repository")
    return path.read_text(encoding="utf-8").strip()


@cache
def _yaml(path: Path) -> dict:
    return yaml.safe_load(_file(path))


@dataclass(frozen=True)
class Wording:
    """All wordings of one language, of the prompt set in `folder`."""

    language: str
    folder: Path
    phrases: dict
    replies: dict
    notices: dict

    @classmethod
    @cache
    def load(cls, language: str, folder: Path = FOLDER) -> "Wording":
        """Raises PromptInvalid where a file is missing."""
        parts = (_yaml(folder / language / f"{name}.yaml") for name in ("phrases", "replies", "notices"))
        return cls(language, folder, *parts)

    def requests(self, split: str) -> dict:
        """Requests by act; `split` is "train" or "heldout"."""
        return _yaml(self.folder / self.language / f"requests.{split}.yaml")

    def clauses(self) -> dict:
        """Plain requests in pieces: "frames" by act, and the "clauses" that fill them, by kind."""
        return _yaml(self.folder / self.language / "clauses.yaml")

    def label(self, kind: str, name: str) -> str:
        """A facet's name in this language; `kind` is topics, tones or formats. Unknown facets keep their own name."""
        return self.phrases[kind].get(name, [name])[0]

    def labels(self, kind: str, names, most: int = 3) -> str:
        """ "a, b and c"."""
        said = [self.label(kind, name) for name in list(names)[:most]]
        return self.joined(said)

    def joined(self, said: list[str]) -> str:
        return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} {self.phrases['and']} {said[-1]}" if said else ""

    def number(self, count: int) -> str:
        return next((n for n in self.phrases["numbers"][count] if len(n) > 1 and n != "an"), str(count))

    def noun(self, type_: str, count: int = 1) -> str:
        """How an item type is called; a type without phrases keeps its own name."""
        forms = self.phrases["types"].get(type_)
        return forms["one" if count == 1 else "many"][0] if forms else type_

    def facet_called(self, said: str) -> tuple[str, str] | None:
        """(field, name) of the topic, tone or format that goes by these words in this language, or None."""
        wanted = said.casefold().strip().removeprefix("the ")
        for field in ("topic", "tone", "format"):
            for name, phrases in self.phrases[f"{field}s"].items():
                if wanted == name or wanted in (phrase.casefold().removeprefix("the ") for phrase in phrases):
                    return field, name
        return None

    def length(self, length: str) -> str:
        """A plan's length: "at most 20 minutes", "at most 3 hours", or "shorter"."""
        if length == SHORTER:
            return self.notice(length)
        if length.isdigit():
            return self.notice("at_most", number=length)
        return self.notice("at_most_hours", number=minutes_of(length) // 60)

    def notice(self, notice: str, /, **values) -> str:
        """Something the program says itself."""
        return render(self.notices[notice], **values)

    def facts(
        self,
        item: CatalogItem,
        like: CatalogItem | None = None,
        asked: tuple[str, ...] = (),
        relation: str = RELATED,
    ) -> str:
        """What the model is told of an item. `like` is another item that it shares topics with, LIKED or
        RELATED; `asked` are topics asked for.

        Descriptions are in English and so stand in English conversations only.
        """
        shared = item.shared_topics(like) if like else ()
        return render(
            _file(self.folder / "facts.txt"),
            title=item.title,
            part_of=item.part_of or "",
            makers=", ".join(item.makers),
            year=item.year,
            topics=self.labels("topics", item.topics),
            tones=self.labels("tones", item.tones),
            format=self.label("formats", item.format),
            description=item.description if self.language == "en" else "",
            like=like.title if shared else "",
            shared=self.labels("topics", shared, 2),
            relation=relation,
            asked=self.labels("topics", asked, 2),
        )

    def named(self, item: CatalogItem) -> str:
        """What the model is told of an item that a visitor liked."""
        return render(_file(self.folder / "named.txt"), title=item.title, topics=self.labels("topics", item.topics))

    def small_talk(self, situation: str, turn: int) -> str:
        """What the model is told to say in a situation; not twice the same in a row. Raises PromptInvalid where the
        prompt set has nothing for it."""
        known = self.replies["talk"].get(situation)
        if not known:
            raise PromptInvalid(f"replies.yaml of {self.language!r} has no talk for {situation!r}: write a reply")
        return known[turn % len(known)]

    def profile(self, items: list[CatalogItem], turn: int) -> str:
        """What the model is told to say of a listener, by the commonest facets and the latest titles of the history;
        not twice the same in a row."""
        told = {
            "topics": self.labels("topics", commonest(topic for item in items for topic in item.topics)),
            "tones": self.labels("tones", commonest(tone for item in items for tone in item.tones), 2),
            "titles": self.joined([item.title for item in items[-3:]]),
        }
        known = {name: value for name, value in told.items() if value}
        sayable = [text for text in self.replies["profile"] if slots(text) <= set(known)]
        return render(sayable[turn % len(sayable)], **known) if sayable else f"{told['titles']}."


def commonest(names) -> list[str]:
    """Names by how often they occur, ties in order of first appearance."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])
