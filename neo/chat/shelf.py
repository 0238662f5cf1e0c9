"""The shelf beside the chat: what was saved, what was suggested, what is not wanted; and its export.

A shelf lives in its visitor's session. Exports are text that the browser saves itself: no file is written here.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from neo.chat.cards import Labels, line_html
from neo.chat.covers import cover_svg
from neo.chat.visit import Visit
from neo.items import CatalogItem

FORMATS = {"Text": "shelf.txt", "CSV": "shelf.csv", "OPML": "shelf.opml"}
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would calculate; an apostrophe in front keeps it text."""


@dataclass(frozen=True)
class Shelf:
    saved: tuple[CatalogItem, ...] = ()
    refused: tuple[CatalogItem, ...] = ()
    language: str = "en"
    """The browser's, in which all that stands beside the chat is said."""

    def save(self, item: CatalogItem) -> "Shelf":
        """The item saved; taken off again if it was."""
        return replace(self, saved=_toggled(self.saved, item), refused=_without(self.refused, item.key))

    def refuse(self, item: CatalogItem) -> "Shelf":
        """The item not wanted; taken back if it was."""
        return replace(self, refused=_toggled(self.refused, item), saved=_without(self.saved, item.key))

    def find(self, key: str) -> CatalogItem | None:
        return next((item for item in (*self.saved, *self.refused) if item.key == key), None)


def _without(items: tuple[CatalogItem, ...], key: str) -> tuple[CatalogItem, ...]:
    return tuple(item for item in items if item.key != key)


def _toggled(items: tuple[CatalogItem, ...], item: CatalogItem) -> tuple[CatalogItem, ...]:
    kept = _without(items, item.key)
    return kept if len(kept) < len(items) else (*items, item)


def suggested(visit: Visit, shelf: Shelf) -> tuple[CatalogItem, ...]:
    """What the replies showed, latest first, less what was saved or refused."""
    placed = {item.key for item in (*shelf.saved, *shelf.refused)}
    shown = {card.item.key: card.item for exchange in visit for card in exchange.cards}
    return tuple(item for key, item in reversed(shown.items()) if key not in placed)


# --- as HTML ----------------------------------------------------------------------------------------------------------


def shelf_html(shelf: Shelf, visit: Visit, labels: Labels) -> str:
    """The shelf in the language of the labels."""
    says = labels.says
    groups = (
        ("saved", shelf.saved, (("save", says["remove"], "×"),)),
        ("suggested", suggested(visit, shelf), (("save", says["save"], "+"),)),
        ("refused", shelf.refused, (("refuse", says["take_back"], "↩"),)),
    )
    html = "".join(
        f'<section><h3>{says[group]} <span class="neo-count">{len(items)}</span></h3><ul data-group="{group}">'
        f"{''.join(row_html(item, labels, buttons) for item in items)}</ul></section>"
        for group, items, buttons in groups
        if items
    )
    empty = f'<p class="neo-about">{says["empty"]}</p>'
    return f'<div class="neo-shelf">{html or empty}</div>'


def marks_html(shelf: Shelf) -> str:
    """The keys of what was saved and refused, for the buttons of the cards to show."""
    return "".join(
        f'<i data-held="{name}" data-key="{line_html(item.key)}"></i>'
        for name, items in (("save", shelf.saved), ("refuse", shelf.refused))
        for item in items
    )


def row_html(item: CatalogItem, labels: Labels, buttons: tuple[tuple[str, str, str], ...]) -> str:
    """An item as one line. `buttons`: (what it does, its name, its sign)."""
    pressed = "".join(
        f'<button type="button" data-do="{do}" data-key="{line_html(item.key)}"'
        f' aria-label="{name}: {line_html(item.title)}" title="{name}">{sign}</button>'
        for do, name, sign in buttons
    )
    kind = labels.types.get(item.type, item.type)
    small = " · ".join(filter(None, (", ".join(item.makers), kind)))
    return (
        f'<li class="neo-row" data-key="{line_html(item.key)}">{cover_svg(item.key, item.type)}'
        f"<span><b>{line_html(item.title)}</b> <small>{line_html(small)}</small></span>"
        f"{pressed}</li>"
    )


# --- as a file --------------------------------------------------------------------------------------------------------


def exported(shelf: Shelf, visit: Visit, format_: str, addresses: Mapping[str, str]) -> str:
    """The shelf as "Text", "CSV" or "OPML" (shows only; all that was suggested if none is saved)."""
    groups = {"saved": shelf.saved, "suggested": suggested(visit, shelf)}
    if format_ == "CSV":
        return _csv(groups, addresses)
    return _opml(groups, addresses) if format_ == "OPML" else _text(groups, addresses)


def _text(groups: Mapping[str, tuple[CatalogItem, ...]], addresses: Mapping[str, str]) -> str:
    lines = []
    for name, items in groups.items():
        lines += [name.capitalize()] if items else []
        for item in items:
            facts = ", ".join(filter(None, (" & ".join(item.makers), item.type, str(item.year or ""))))
            address = addresses.get(item.key, "")
            lines.append(" ".join(f"- {item.title} ({facts}) {address}".split()))
        lines += [""] if items else []
    return "\n".join(lines)


def _csv(groups: Mapping[str, tuple[CatalogItem, ...]], addresses: Mapping[str, str]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(("shelf", "key", "type", "title", "makers", "language", "year", "minutes", "topics", "url"))
    for name, items in groups.items():
        for item in items:
            makers, topics = "; ".join(item.makers), "; ".join(item.topics)
            cells = (name, item.key, item.type, item.title, makers, item.language, item.year, item.minutes, topics)
            writer.writerow(map(cell, (*cells, addresses.get(item.key, ""))))
    return file.getvalue()


def cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def uncelled(text: str) -> str:
    """What `cell` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _opml(groups: Mapping[str, tuple[CatalogItem, ...]], addresses: Mapping[str, str]) -> str:
    items = next((some for some in groups.values() if any(item.type == "show" for item in some)), ())
    root = ElementTree.Element("opml", version="2.0")
    ElementTree.SubElement(ElementTree.SubElement(root, "head"), "title").text = "Shelf"
    body = ElementTree.SubElement(root, "body")
    for item in items:
        if item.type == "show":
            feed = {"xmlUrl": addresses[item.key]} if item.key in addresses else {}
            said = {"type": "rss", "text": item.title, "title": item.title} | feed
            ElementTree.SubElement(body, "outline", {name: _NOT_IN_XML.sub("", value) for name, value in said.items()})
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
