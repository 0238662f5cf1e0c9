"""JSON and JSON Lines: objects as they come. Nothing but one object is ever in memory."""

import json
from collections.abc import Callable, Iterator
from itertools import chain, islice

import ijson

from catalog.errors import FileUnusable
from catalog.importers.columns import guess, of_listens
from catalog.importers.entry import ITEM_FIELDS, Entry, Options, Reading, Refused, Says, says
from catalog.importers.source import Source, mended

MOST_LETTERS = 1 << 20
SEEN = 100
"""Objects whose names are looked at before any is imported."""
Shape = Callable[[dict], dict[str, object] | None]


class Lines:
    """One JSON object a line."""

    name, place = "jsonl", "line"
    about = "one JSON object a line; what export writes"
    fame_steps = (10, 100, 1000, 10_000)

    def recognises(self, source: Source) -> bool:
        first, _, rest = source.beginning.lstrip().partition("\n")
        return source.suffix in (".jsonl", ".ndjson") or (_is_object(first) and rest.lstrip().startswith("{"))

    def read(self, source: Source, options: Options) -> Reading:
        return _mapped(source, lines(source), options)


class Document:
    """A JSON document with a list of objects in it, or a mapping to objects."""

    name, place = "json", "entry"
    about = "a JSON list of objects, at the top or under one name"
    fame_steps = (10, 100, 1000, 10_000)

    def recognises(self, source: Source) -> bool:
        return source.beginning.lstrip()[:1] in ("{", "[")

    def read(self, source: Source, options: Options) -> Reading:
        return _mapped(source, objects(source), options)


def objects(source: Source, under: str | None = None) -> Iterator[tuple[int, object]]:
    """(n, object) of the first list or mapping of objects, or of that `under` a name at the top.

    Raises FileUnusable where the JSON breaks: half a document is no document.
    """
    prefix, as_mapping = _where(source, under)
    with source.utf8() as stream:
        try:
            if as_mapping:
                for number, (name, one) in enumerate(ijson.kvitems(stream, prefix, use_float=True), 1):
                    yield number, ({"_name": name} | one) if isinstance(one, dict) else one
            else:
                yield from enumerate(ijson.items(stream, f"{prefix}.item" if prefix else "item", use_float=True), 1)
        except (ijson.JSONError, UnicodeError, RecursionError) as error:
            raise FileUnusable(source.name, f"not JSON ({error})".replace("\n", " ")[:300], "fetch it again") from error


def _where(source: Source, under: str | None) -> tuple[str, bool]:
    with source.utf8() as stream:
        try:
            for prefix, event, _ in ijson.parse(stream, use_float=True):
                if under is not None and prefix != under:
                    continue
                if event == "start_array":
                    return prefix, False
                if event == "start_map" and (prefix == under or (under is None and prefix.count(".") >= 1)):
                    return prefix.rpartition(".")[0] if under is None else prefix, True
        except ijson.JSONError as error:
            raise FileUnusable(source.name, f"not JSON ({error})".replace("\n", " ")[:300], "fetch it again") from error
    raise FileUnusable(source.name, f"no list of objects{f' under {under!r}' if under else ''}", "name another file")


def lines(source: Source) -> Iterator[tuple[int, object]]:
    number = 0
    with source.text() as stream:
        while line := stream.readline(MOST_LETTERS + 1):
            number += 1
            if len(line) > MOST_LETTERS:
                while line and not line.endswith("\n"):
                    line = stream.readline(MOST_LETTERS)
                yield number, f"longer than {MOST_LETTERS} letters"
            elif line.strip():
                try:
                    yield number, json.loads(mended(line.lstrip("\ufeff"))[0])
                except (ValueError, RecursionError) as error:
                    yield number, f"not JSON ({error})"


def _mapped(source: Source, found: Iterator[tuple[int, object]], options: Options) -> Reading:
    """Entries with the names of the first objects as columns; a name of ours counts wherever it turns up."""
    first = list(islice(found, SEEN))
    names = [name for _, one in first if isinstance(one, dict) for name in one]
    columns = guess(names, options.columns)
    if not {"title", "item", "key", "id", "url"} & set(columns.values()):
        shown = ", ".join(dict.fromkeys(names[:8])) or "nothing"
        raise FileUnusable(source.name, f"its objects have no title (but {shown})", 'say which with --map "NAME=title"')
    kind = says(columns.values(), options)
    if kind is Says.LISTEN:
        columns = of_listens(columns, names, options.columns)

    ours = {field: field for field in ITEM_FIELDS if field not in columns.values() and field not in names}
    everything = columns | {name: field for name, field in ours.items() if name not in options.columns}

    def shape(one: dict) -> dict[str, object]:
        return {field: one[name] for name, field in everything.items() if name in one}

    def entries() -> Iterator[Entry | Refused]:
        for place, one in chain(first, found):
            yield entry_of(place, one, shape, kind)

    return Reading(entries(), columns, tuple(dict.fromkeys(name for name in names if name not in everything)))


def entry_of(place: int, one: object, shape: Shape, says: Says = Says.ITEM) -> Entry | Refused:
    """The entry of a parsed object; a text in its place is the reason why it could not be parsed."""
    if isinstance(one, str):
        return Refused(place, "", one)
    if not isinstance(one, dict):
        return Refused(place, one, "expected an object with named values")
    said = one.get("refs")
    pairs = said if isinstance(said, list) else ()
    refs = tuple((str(pair[0]), str(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2)
    return Entry(place, shape(one), says, refs)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
