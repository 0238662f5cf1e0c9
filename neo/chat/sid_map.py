"""A picture of the SID space: every item of a type where its SID puts it, coloured by the first code.

A SID stands for a vector, the sum of its codes' centroids. The picture shows these vectors on their two principal
components (PCA), so items drawn close together have IDs that mean nearly the same.
"""

from collections.abc import Iterable

import numpy as np

from neo.chat.cards import line_html
from neo.chat.parts import Card
from neo.sids.quantizer import ResidualQuantizer
from neo.sids.sid import Sid

WIDTH, HEIGHT, MARGIN = 360, 270, 14  # units of the drawing
GOLDEN_ANGLE = 137.5  # degrees between the hues of consecutive codes: neighbours in number never look alike


class SidMap:
    """The SIDs of one item type on a plane."""

    def __init__(self, quantizer: ResidualQuantizer, sids: Iterable[Sid]):
        from sklearn.decomposition import PCA  # 80 MB that most chats never need

        self._sids = sorted(set(sids))
        vectors = quantizer.decode(np.array([sid.codes for sid in self._sids]))
        plane = np.zeros((len(vectors), 2))
        if len(vectors) > 1:
            components = min(2, *vectors.shape)
            plane[:, :components] = PCA(components, random_state=0).fit_transform(vectors)
        low, high = plane.min(0), plane.max(0)
        room = np.array([WIDTH, HEIGHT]) - 2 * MARGIN
        scaled = MARGIN + (plane - low) / np.where(high > low, high - low, 1) * room
        self._places = {sid: (float(x), float(y)) for sid, (x, y) in zip(self._sids, scaled, strict=True)}

    def html(self, cards: Iterable[Card], label: str, title: str) -> str:
        """The picture, the cards' items marked by their numbers. `label` names the type, `title` what this is."""
        marks = "".join(_mark(card, *self._places[card.item.sid]) for card in cards if card.item.sid in self._places)
        return (
            f'<figure class="neo-map"><figcaption>{line_html(label)} · {len(self._sids):,} SIDs</figcaption>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}: {line_html(label)}">'
            f"{self._dots()}{marks}</svg></figure>"
        )

    def _dots(self) -> str:
        """One path a first code: a dot is a line of no length with round ends."""
        by_code: dict[int, list[str]] = {}
        for sid, (x, y) in self._places.items():
            by_code.setdefault(sid.codes[0], []).append(f"M{x:.1f} {y:.1f}h0")
        return "".join(
            f'<path d="{"".join(dots)}" stroke="hsl({code * GOLDEN_ANGLE % 360:.0f} 65% 55%)"/>'
            for code, dots in by_code.items()
        )


def _mark(card: Card, x: float, y: float) -> str:
    return (
        f'<g class="neo-mark"><title>{line_html(card.item.title)}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="8"/>'
        f'<text x="{x:.1f}" y="{y:.1f}" dy=".35em">{card.position}</text></g>'
    )
