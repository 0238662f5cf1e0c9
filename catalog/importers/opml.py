"""OPML subscriptions, as every podcast app writes them: outlines in folders. Unknown shows become items.

Folders are genres. An outline that is found again deeper down is listed once, and so are entries of one address. A
subscription whose address nobody knew is one by its type ("rss"), and known by its title.
"""

from collections.abc import Iterator

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from catalog.errors import FileUnusable
from catalog.importers.entry import Entry, Options, Reading, Refused, Says
from catalog.importers.source import Source

DEEPEST = 50
"""Folders in folders; what nests deeper has been made to break readers."""


class Opml:
    name, place = "opml", "entry"
    about = "OPML subscriptions of a podcast app; with --listener they are that listener's history"
    fame_steps = (10, 100, 1000, 10_000)

    def recognises(self, source: Source) -> bool:
        return source.suffix == ".opml" or "<opml" in source.beginning[:2000].lower()

    def read(self, source: Source, options: Options) -> Reading:
        return Reading(self._entries(source, options))

    def _entries(self, source: Source, options: Options) -> Iterator[Entry | Refused]:
        place, folders, created, seen = 0, [], None, set()
        try:
            with source.utf8() as stream:
                for event, element in iterparse(_without_declaration(stream), events=("start", "end")):
                    tag = element.tag.rpartition("}")[2].lower()
                    if tag == "datecreated" and event == "end":
                        created = element.text
                    if tag != "outline":
                        continue
                    if event == "end":
                        folders.pop()
                        element.clear()
                        continue
                    place += 1
                    if len(folders) >= DEEPEST:
                        reason = f"folders nest deeper than {DEEPEST}"
                        raise FileUnusable(source.name, reason, "export the subscriptions again")
                    named = {name.lower(): value for name, value in element.attrib.items()}
                    address, title = named.get("xmlurl"), named.get("title") or named.get("text")
                    inside = [folder for folder in folders if folder]
                    subscribed = bool(address) or (named.get("type") or "").lower() == "rss"
                    folders.append(None if subscribed else title)
                    if not subscribed or (address or title) in seen:
                        continue
                    seen.add(address or title)
                    if not title:
                        yield Refused(place, address or "", "a subscription needs a title (text=...)")
                        continue
                    fields = {
                        "type": options.item_type or "show",
                        "title": title,
                        "description": named.get("description"),
                        "language": named.get("language"),
                        "genres": inside,
                        "url": address,
                        "at": named.get("created") or created,
                    }
                    if options.listener:
                        fields["listener"] = options.listener
                    yield Entry(place, fields, Says.MENTION)
        except DefusedXmlException as error:
            raise FileUnusable(source.name, "it declares XML entities", "remove its <!DOCTYPE ...>") from error
        except ParseError as error:
            raise FileUnusable(source.name, f"not XML ({error})", "export it again") from error


def _without_declaration(stream):
    """The stream behind its XML declaration, whose encoding is no longer true: the bytes are UTF-8 by now."""
    head = stream.peek(1)[:1000]
    if head.lstrip().startswith(b"<?xml") and (end := head.find(b"?>")) >= 0:
        stream.read(end + 2)
    else:
        stream.read(len(head) - len(head.lstrip()))
    return stream
