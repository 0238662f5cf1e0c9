"""Who a visitor listens as: nobody, a listener of the catalog, or somebody with titles of their own choosing.

A taste lives in its visitor's session; a listener's history that was changed here is changed nowhere else.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from neo.chat.cards import Labels, line_html, lines_html
from neo.chat.shelf import cell, row_html
from neo.items import CatalogItem

OWN = "own titles"
"""In place of a listener's name."""
MOST = 100  # titles of a visitor's own
NAMED = 5  # titles of a file that the catalog lacks


@dataclass(frozen=True)
class Taste:
    listener: str | None = None
    """A listener's name, or OWN."""
    items: tuple[CatalogItem, ...] = ()
    """The history, newest last."""
    changed: bool = False

    @property
    def own(self) -> bool:
        """Whether the history is the visitor's: chosen title by title, or a listener's with changes."""
        return self.listener == OWN or self.changed

    def heard(self, items: Iterable[CatalogItem]) -> "Taste":
        """With these items as the newest. Whoever was nobody has titles of their own now."""
        known = {item.key for item in self.items}
        new = tuple({item.key: item for item in items if item.key not in known}.values())
        if not new:
            return self
        return replace(self, listener=self.listener or OWN, items=(*self.items, *new)[-MOST:], changed=True)

    def forgot(self, key: str) -> "Taste":
        return replace(self, items=tuple(item for item in self.items if item.key != key), changed=True)


def taste_html(taste: Taste, listeners: list[tuple[str, str, bool]], labels: Labels) -> str:
    """Who it is, and the history, newest first, every title with a button to take it out."""
    says = labels.says
    rows = "".join(row_html(item, labels, (("forget", says["remove"], "×"),)) for item in reversed(taste.items))
    title = f'{says["history"]} <span class="neo-count">{len(taste.items)}</span>'
    keep = f'<button type="button" class="neo-keep" data-do="keep">{says["keep"]}</button>'
    history = (
        f'<details open><summary>{title}</summary><ul class="neo-history">{rows}</ul></details>{keep}' if rows else ""
    )
    return f'<div class="neo-taste">{about_html(taste, listeners, says)}{history}</div>'


def titles_csv(taste: Taste) -> str:
    """The history as a file that the page reads back."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(("title", "author"))
    writer.writerows((cell(item.title), cell(", ".join(item.makers))) for item in taste.items)
    return file.getvalue()


def about_html(taste: Taste, listeners: list[tuple[str, str, bool]], says: Mapping[str, str]) -> str:
    """The chosen listener in a sentence."""
    changed = f'<p class="neo-changed">{says["changed"]}</p>' if taste.changed else ""
    if taste.listener == OWN:
        said = says["own_titles" if taste.items else "no_titles"]
        return f'<p class="neo-about">{said} {says["stay"]}</p>'
    for name, about, simulated in listeners:
        if name == taste.listener:
            mark = f'<span class="neo-mark">{says["simulated_one"]}</span> ' if simulated else ""
            return f'<p class="neo-about">{mark}{lines_html(about)}</p>{changed}'
    return f'<p class="neo-about">{says["no_history"]}</p>'


def found_html(items: tuple[CatalogItem, ...], text: str, labels: Labels) -> str:
    """What a title picker found, each with a button to add it."""
    if not text.strip():
        return ""
    rows = "".join(row_html(item, labels, (("hear", labels.says["add_it"], "+"),)) for item in items)
    rows = rows or f"<li>{labels.says['unknown']}</li>"
    return f'<ul class="neo-found" aria-live="polite">{rows}</ul>'


def found_words(found: Mapping[str, tuple[CatalogItem, ...]]) -> str:
    """How many titles of a file the catalog has, and the first that it lacks; as HTML, which Gradio's boxes follow."""
    missed = [title for title, items in found.items() if not items]
    said = f"{len(found) - len(missed)} of {len(found)} titles are in the catalog."
    if not missed:
        return said
    named = "; ".join(f"“{line_html(title)}”" for title in missed[:NAMED])
    more = f" and {len(missed) - NAMED} more" if len(missed) > NAMED else ""
    return f"{said} Not found: {named}{more}."
