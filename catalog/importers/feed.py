"""RSS 2.0 (with the iTunes and Podcasting 2.0 tags) and Atom: the show and its episodes.

feedparser reads, as forgiving as feeds are wrong; it wants the whole feed, so there is a limit. A feed that declares
entities is refused before anybody expands them.
"""

import io
import re
from collections.abc import Iterator
from statistics import median

import feedparser
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from catalog.errors import FileUnusable
from catalog.importers.clean import is_private, seconds_of
from catalog.importers.entry import Entry, Options, Reading, Refused
from catalog.importers.source import Source

MOST_BYTES = 64 << 20
PODCASTING = "{https://podcastindex.org/namespace/1.0}"


class Feed:
    name, place = "feed", "entry"
    about = "RSS or Atom, a file or an http(s) address: the show and its episodes"
    fame_steps = (10, 100, 1000, 10_000)

    def recognises(self, source: Source) -> bool:
        return bool(re.search(r"<(rss|feed|rdf:RDF)[\s>]", source.beginning[:5000]))

    def read(self, source: Source, options: Options) -> Reading:
        with source.utf8() as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise FileUnusable(source.name, f"a feed of more than {MOST_BYTES >> 20} MB", "keep its latest episodes")
        if re.search(rb"<!ENTITY", data, re.IGNORECASE):
            raise FileUnusable(source.name, "it declares XML entities", "remove its <!DOCTYPE ...>")
        # The declared encoding is no longer true: the bytes are UTF-8 by now.
        data = re.sub(rb"^\s*<\?xml[^>]*\?>", b"", data)
        # feedparser knows the old words for it alone.
        for said, old in ((rb"true|explicit|yes", b"yes"), (rb"false|no|clean", b"clean")):
            tag = rb"(<itunes:explicit>\s*)(?:<!\[CDATA\[\s*)?(?:" + said + rb")(?:\s*\]\]>)?(\s*</)"
            data = re.sub(tag, rb"\1" + old + rb"\2", data, flags=re.IGNORECASE)
        parsed = feedparser.parse(io.BytesIO(data), response_headers={"content-type": "application/xml; charset=utf-8"})
        if not parsed.feed.get("title") and not parsed.entries:
            raise FileUnusable(source.name, parsed.get("bozo_exception") or "no show in it", "check that it is a feed")
        return Reading(self._entries(source, parsed, _hosts(data), options))

    def _entries(self, source: Source, parsed, hosts: list[str], options: Options) -> Iterator[Entry | Refused]:
        show = parsed.feed
        address = _address(source, show)
        guid = show.get("podcast_guid")
        makers = list(dict.fromkeys([*hosts, *([show.author] if show.get("author") else ())]))
        lengths = [length for entry in parsed.entries if (length := _seconds(entry) or 0) > 0]
        years = [entry.published_parsed.tm_year for entry in parsed.entries if entry.get("published_parsed")]
        is_book = show.get("podcast_medium") == "audiobook"
        whole = {
            "type": options.item_type or ("audiobook" if is_book else "show"),
            "title": show.get("title"),
            "makers": makers,
            "language": show.get("language"),
            "description": show.get("summary") or show.get("subtitle"),
            "genres": [tag.term for tag in show.get("tags", ()) if tag.get("term")],
            "year": min(years, default=None),
            "seconds": (sum(lengths) if is_book else median(lengths)) if lengths else None,
            "explicit": show.get("itunes_explicit"),
            "url": address,
        }
        name = guid or (address if address and not is_private(address) else whole["title"])
        yield Entry(1, whole, refs=(("feed", name), *((("guid", guid),) if guid else ())))
        if not is_book:
            for place, entry in enumerate(parsed.entries, 2):
                yield _episode(place, entry, whole, name)


def _episode(place: int, entry, whole: dict, name: str) -> Entry:
    texts = [entry.get("summary") or "", *(part.get("value", "") for part in entry.get("content", ()))]
    return Entry(
        place,
        {
            "type": "episode",
            "title": entry.get("title"),
            "makers": [entry.author] if entry.get("author") else whole["makers"],
            "language": whole["language"],
            "description": max(texts, key=len),
            "genres": [tag.term for tag in entry.get("tags", ()) if tag.get("term")],
            "year": entry.published_parsed.tm_year if entry.get("published_parsed") else None,
            "seconds": _seconds(entry),
            "explicit": whole["explicit"] if (said := entry.get("itunes_explicit")) is None else said,
            "part_of": f"feed:{name}",
        },
        refs=(("episode", f"{name}#{entry.get('id') or entry.get('link') or entry.get('title')}"),),
    )


def _seconds(entry) -> float | None:
    said = entry.get("itunes_duration")
    return seconds_of(said, 1) if said else None


def _address(source: Source, show) -> str | None:
    if source.name.startswith(("http://", "https://")):
        return source.name
    own = [link.href for link in show.get("links", ()) if link.get("rel") == "self" and link.get("href")]
    return (own or [show.get("link")])[0]


def _hosts(data: bytes) -> list[str]:
    """<podcast:person> of the show itself, which feedparser drops; none where the feed is no sound XML."""
    found, depth = [], 0
    try:
        for event, element in iterparse(io.BytesIO(data), events=("start", "end")):
            if element.tag == "item":
                depth += 1 if event == "start" else -1
            is_host = element.tag == f"{PODCASTING}person" and (element.get("role") or "host").lower() == "host"
            if event == "end" and not depth and is_host and (name := (element.text or "").strip()):
                found.append(name)
            if event == "end" and not depth:
                element.clear()
    except (ParseError, DefusedXmlException):
        pass
    return found
