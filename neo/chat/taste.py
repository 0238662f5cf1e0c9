"""Who a visitor listens as: nobody, a listener of the catalog, or somebody with titles of their own choosing.

A taste lives in its visitor's session; a listener's history that was changed here is changed nowhere else.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from neo.chat.cards import Labels, lines_html
from neo.chat.shelf import row_html
from neo.items import CatalogItem

OWN = "own titles"
"""In place of a listener's name."""
MOST = 100  # titles of a visitor's own


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
    rows = "".join(row_html(item, labels, (("forget", "Remove", "×"),)) for item in reversed(taste.items))
    title = f'History <span class="neo-count">{len(taste.items)}</span>'
    history = f'<details open><summary>{title}</summary><ul class="neo-history">{rows}</ul></details>' if rows else ""
    return f'<div class="neo-taste">{about_html(taste, listeners)}{history}</div>'


def about_html(taste: Taste, listeners: list[tuple[str, str, bool]]) -> str:
    """The chosen listener in a sentence."""
    changed = '<p class="neo-changed">Changed by you, for this visit only.</p>' if taste.changed else ""
    if taste.listener == OWN:
        said = "Your own titles count." if taste.items else "Add titles that you know and like."
        return f'<p class="neo-about">{said} They stay in this visit.</p>'
    for name, about, simulated in listeners:
        if name == taste.listener:
            mark = '<span class="neo-mark">simulated</span> ' if simulated else ""
            return f'<p class="neo-about">{mark}{lines_html(about)}</p>{changed}'
    return '<p class="neo-about">No history: only your words count.</p>'


def found_html(items: tuple[CatalogItem, ...], text: str, labels: Labels) -> str:
    """What a title picker found, each with a button to add it."""
    if not text.strip():
        return ""
    rows = "".join(row_html(item, labels, (("hear", "Add", "+"),)) for item in items)
    return f'<ul class="neo-found" aria-live="polite">{rows or "<li>Nothing of that name.</li>"}</ul>'
