"""Pictures of a report as SVG text: dots with intervals, and stacked bars. Numbers and escaped labels only."""

from collections.abc import Sequence
from html import escape

from neo.study.statistics import Estimate

COLOURS = ("#0f766e", "#d97706", "#7c3aed", "#64748b", "#be185d", "#2563eb", "#65a30d")
SCALE = ("#99f6e4", "#5eead4", "#2dd4bf", "#14b8a6", "#0d9488", "#0f766e", "#134e4a")
VERDICT = ("#0f766e", "#a8a29e", "#b45309")
WIDTH, LABEL, ROW, TOP = 720, 210, 30, 14


def _svg(height: float, title: str, body: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="13" fill="#1c1917">'
        f"<title>{escape(title)}</title>"
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(body)}</svg>'
    )


def _label(text: str, y: float) -> str:
    short = text if len(text) <= 32 else f"{text[:31]}…"
    return f'<text x="{LABEL - 12}" y="{y + 4:g}" text-anchor="end">{escape(short)}</text>'


def _ink(colour: str) -> str:
    """Black or white, whichever can be read on a colour."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#1c1917" if 0.3 * red + 0.59 * green + 0.11 * blue > 140 else "#fff"


def intervals(
    title: str, rows: Sequence[tuple[str, Estimate]], low: float, high: float, reference: float | None = None
) -> str:
    """A dot and its interval for every row, on an axis from low to high; a dashed line at the reference."""
    room = WIDTH - LABEL - 90

    def x(value: float) -> float:
        return LABEL + room * (min(max(value, low), high) - low) / (high - low)

    bottom = TOP + ROW * len(rows)
    body = []
    for step in range(5):
        value = low + (high - low) * step / 4
        body.append(
            f'<path d="M{x(value):.1f} {TOP}V{bottom}" stroke="#e7e5e4"/><text x="{x(value):.1f}" y="{bottom + 16}" '
            f'text-anchor="middle" fill="#78716c" font-size="11">{value:.3g}</text>'
        )
    if reference is not None:
        body.append(f'<path d="M{x(reference):.1f} {TOP}V{bottom}" stroke="#78716c" stroke-dasharray="4 3"/>')
    for at, (label, estimate) in enumerate(rows):
        y = TOP + ROW * (at + 0.5)
        body.append(_label(label, y))
        if estimate.value == estimate.value:
            body.append(
                f'<path d="M{x(estimate.low):.1f} {y:g}H{x(estimate.high):.1f}" stroke="{COLOURS[0]}" '
                f'stroke-width="3"/>'
                f'<circle cx="{x(estimate.value):.1f}" cy="{y:g}" r="5.5" fill="{COLOURS[0]}"/>'
                f'<text x="{WIDTH - 78}" y="{y + 4:g}">{estimate.value:.2f}</text>'
            )
    return _svg(bottom + 24, title, body)


def stacked(
    title: str, rows: Sequence[tuple[str, Sequence[int]]], legend: Sequence[str], colours: Sequence[str] = COLOURS
) -> str:
    """A bar for every row, cut into shares of its counts; counts stand in the pieces that have room."""
    room, body, column = WIDTH - LABEL - 20, [], 0.0
    for at, name in enumerate(legend):
        body.append(
            f'<rect x="{LABEL + column:g}" y="2" width="11" height="11" fill="{colours[at % len(colours)]}"/>'
            f'<text x="{LABEL + column + 15:g}" y="12" font-size="12">{escape(name)}</text>'
        )
        column += 30 + 6.8 * len(name)
    for row, (label, counts) in enumerate(rows):
        y, left, total = TOP + 10 + ROW * row, float(LABEL), sum(counts)
        body.append(_label(label, y + 10))
        for at, count in enumerate(counts):
            colour = colours[at % len(colours)]
            wide = room * count / total if total else 0
            if count:
                body.append(f'<rect x="{left:.1f}" y="{y}" width="{wide:.1f}" height="20" fill="{colour}"/>')
            if wide > 26:
                middle = left + wide / 2
                body.append(
                    f'<text x="{middle:.1f}" y="{y + 14}" text-anchor="middle" fill="{_ink(colour)}">{count}</text>'
                )
            left += wide
    return _svg(TOP + 16 + ROW * len(rows), title, body)
