"""Drawn covers: an inline SVG for an item, made from its key and type alone. Nothing is fetched.

The same key always gives the same picture. Colours and shapes come from a hash of the key and are numbers, so no
catalog string enters the markup. A type without a motif of its own gets tiles.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

SIDE = 96


@dataclass(frozen=True)
class Look:
    """What a motif may vary: 16 bytes of the key's hash and three colours from one of them."""

    bytes: bytes

    @classmethod
    def of(cls, key: str) -> "Look":
        return cls(blake2b(key.encode("utf-8", "replace"), digest_size=16).digest())

    @property
    def hue(self) -> int:
        return round(self.bytes[0] * 360 / 256)

    @property
    def ground(self) -> str:
        return f"hsl({self.hue} 48% 30%)"

    @property
    def figure(self) -> str:
        """Light enough to stand out on the ground."""
        return f"hsl({(self.hue + 28) % 360} 78% 78%)"

    @property
    def accent(self) -> str:
        """From across the colour wheel."""
        return f"hsl({(self.hue + 165) % 360} 82% 66%)"

    def pick(self, index: int, low: int, high: int) -> int:
        """A number from low to high (inclusive) that byte `index` decides."""
        return low + self.bytes[index % len(self.bytes)] % (high - low + 1)


def _waves(look: Look) -> str:
    """Rings that spread from a voice somewhere in the picture."""
    x, y = look.pick(1, 24, 72), look.pick(2, 30, 70)
    gap = look.pick(3, 9, 14)
    rings = "".join(
        f'<circle cx="{x}" cy="{y}" r="{8 + ring * gap}" fill="none" stroke="{look.figure}"'
        f' stroke-width="{max(1.5, 5 - ring * 0.6):.1f}" opacity="{max(0.12, 0.95 - ring * 0.13):.2f}"/>'
        for ring in range(1, 8)
    )
    return f'{rings}<circle cx="{x}" cy="{y}" r="8" fill="{look.accent}"/>'


def _book(look: Look) -> str:
    """A closed book seen from the front, with a spine, a page edge and an ornament."""
    accent, figure, ground = look.accent, look.figure, look.ground
    ornaments = (
        f'<circle cx="51" cy="42" r="13" fill="{accent}"/><path d="M34 58h34M38 65h26" stroke="{figure}"/>',
        f'<path d="M51 25l15 19-15 19-15-19z" fill="{accent}"/><circle cx="51" cy="44" r="5" fill="{ground}"/>',
        f'<path d="M34 62a17 17 0 0 1 34 0z" fill="{accent}"/><path d="M33 67h36M38 73h26" stroke="{figure}"/>',
        f'<path d="M34 66l12-26 8 14 5-8 9 20z" fill="{accent}"/><circle cx="62" cy="31" r="5" fill="{figure}"/>',
        f'<path d="M36 30q15 10 30 0M36 44q15 10 30 0M36 58q15 10 30 0" stroke="{accent}" stroke-width="5"/>',
    )
    cloth = f"hsl({(look.hue + look.pick(4, 0, 60)) % 360} 46% 22%)"
    return (
        '<path d="M26 86h48a4 4 0 0 0 4-4V20" stroke="hsl(42 50% 88%)" stroke-width="6" fill="none"/>'
        f'<rect x="20" y="12" width="56" height="72" rx="4" fill="{cloth}"/>'
        f'<path d="M20 16a4 4 0 0 1 4-4h5v72h-5a4 4 0 0 1-4-4z" fill="{look.figure}" opacity=".55"/>'
        f'<g fill="none" stroke-width="3" stroke-linecap="round">{ornaments[look.pick(5, 0, len(ornaments) - 1)]}</g>'
    )


def _bars(look: Look) -> str:
    """The loudness of a passage, as bars about a middle line."""
    heights = [look.pick(1 + bar, 10, 66) for bar in range(9)]
    loudest = heights.index(max(heights))
    return "".join(
        f'<rect x="{11 + bar * 8.4:.1f}" y="{48 - height / 2:.1f}" width="5" height="{height}" rx="2.5"'
        f' fill="{look.accent if bar == loudest else look.figure}"/>'
        for bar, height in enumerate(heights)
    )


def _record(look: Look) -> str:
    """A record with its label."""
    grooves = "".join(
        f'<circle cx="48" cy="48" r="{radius}" fill="none" stroke="{look.figure}" stroke-width="1" opacity=".45"/>'
        for radius in range(20, 38, look.pick(1, 3, 5))
    )
    return (
        f'<circle cx="48" cy="48" r="40" fill="hsl({look.hue} 30% 14%)"/>{grooves}'
        f'<circle cx="48" cy="48" r="14" fill="{look.accent}"/><circle cx="48" cy="48" r="3" fill="{look.ground}"/>'
    )


def _tiles(look: Look) -> str:
    """Quarter discs on a grid of four by four, each turned by its own byte."""
    step = SIDE // 4
    turns = ("M0 0h{s}a{s} {s} 0 0 1-{s} {s}z", "M{s} 0v{s}a{s} {s} 0 0 1-{s}-{s}z",
             "M{s} {s}h-{s}a{s} {s} 0 0 1 {s}-{s}z", "M0 {s}v-{s}a{s} {s} 0 0 1 {s} {s}z")  # fmt: skip
    return "".join(
        f'<path transform="translate({tile % 4 * step} {tile // 4 * step})"'
        f' d="{turns[look.bytes[tile] % 4].format(s=step)}"'
        f' fill="{look.accent if look.bytes[tile] > 215 else look.figure}"'
        f' opacity="{0.5 + look.bytes[tile] / 600:.2f}"/>'
        for tile in range(16)
    )


MOTIFS: dict[str, Callable[[Look], str]] = {"show": _waves, "audiobook": _book, "episode": _bars, "artist": _record}


def cover_svg(key: str, type_: str) -> str:
    """The picture of an item, one line of SVG without ids, scripts or links."""
    look = Look.of(key)
    return (
        f'<svg class="neo-cover" viewBox="0 0 {SIDE} {SIDE}" aria-hidden="true" focusable="false">'
        f'<rect width="{SIDE}" height="{SIDE}" fill="{look.ground}"/>{MOTIFS.get(type_, _tiles)(look)}</svg>'
    )
