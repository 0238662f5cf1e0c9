"""Under the hood: the trace of a reply as HTML. Token stream, candidates of every span, filters, times, the prompt."""

from collections.abc import Iterable, Mapping
from math import exp
from types import MappingProxyType

from neo.chat.cards import Labels, line_html
from neo.chat.parts import Card, Token, Trace
from neo.chat.sid_map import SidMap
from neo.chat.visit import Exchange

SHADES, LEVELS = 6, 4  # looks that the style sheet has for item types and levels


def inspection_html(
    exchange: Exchange | None, labels: Labels, maps: Mapping[str, SidMap] = MappingProxyType({})
) -> str:
    """The latest reply taken apart, or what to do to see one. `maps`: item type -> the picture of its SIDs."""
    trace = exchange.trace if exchange else None
    if trace is None:
        return f'<div class="neo-inside"><p class="neo-about">{labels.hood["nothing"]}</p></div>'
    shade = {name: at % SHADES for at, name in enumerate(labels.types)}
    beams = (_beam_html(*chosen, labels.hood) for chosen in zip(exchange.cards, trace.children, strict=False))
    sections = {
        "times": _times_html(trace, labels.hood),
        "filters": _filters_html(trace, exchange.spoken, labels),
        "stream": _stream_html(trace, shade, labels.hood),
        "candidates": "".join(beams),
        "map": _maps_html(exchange.cards, labels, maps),
        "prompt": _tokens_html(trace.prompt, shade, labels.hood),
    }
    return '<div class="neo-inside">' + "".join(
        f"<details{'' if name == 'prompt' else ' open'}><summary>{labels.hood[name]}</summary>{html}</details>"
        for name, html in sections.items()
        if html
    ) + "</div>"  # fmt: skip


def _maps_html(cards: Iterable[Card], labels: Labels, maps: Mapping[str, SidMap]) -> str:
    """The picture of every type of which the reply has an item, or of all if it has none."""
    cards = tuple(cards)
    types = dict.fromkeys(card.item.type for card in cards) or maps
    return "".join(
        maps[type_].html(cards, labels.types.get(type_, type_), labels.hood["map"]) for type_ in types if type_ in maps
    )


def _times_html(trace: Trace, says: Mapping) -> str:
    most = max((time for _, time in trace.milliseconds), default=0) or 1
    rows = "".join(
        f'<tr><th scope="row">{says["phases"][phase]}</th><td>{time:,.0f}</td>'
        f'<td><meter max="{most}" value="{time}" aria-hidden="true"></meter></td></tr>'
        for phase, time in trace.milliseconds
    )
    return f'<table class="neo-times">{rows}</table>'


def _filters_html(trace: Trace, language: str, labels: Labels) -> str:
    fields = "".join(
        f"<div><dt>{labels.hood['fields'][name]}</dt><dd>{line_html(value)}</dd></div>" for name, value in trace.filters
    )
    left = "".join(
        f"<div><dt>{line_html(labels.types.get(type_, type_))}</dt>"
        f"<dd>{labels.hood['left'].format(left=f'{left:,}', known=f'{known:,}')}</dd></div>"
        for type_, left, known in trace.left
    )
    spoken = line_html(labels.languages.get(language, language))
    first = f"<div><dt>{labels.hood['conversation']}</dt><dd>{spoken}</dd></div>"
    return f'<dl class="neo-filters">{first}{fields}{left}</dl>'


def _stream_html(trace: Trace, shade: dict[str, int], says: Mapping) -> str:
    legend = "".join(
        f'<li><i class="neo-t neo-t{at}">{line_html(type_)}</i>{_levels_html(at)}</li>' for type_, at in shade.items()
    )
    written = trace.reply[0].tokens if trace.reply and trace.reply[0].origin == "plan" else ()
    own = ""
    if trace.own_plan and trace.own_plan != written:
        own = (
            f'<figure class="neo-stretch"><figcaption>{says["own_plan"]}</figcaption>'
            f"{_tokens_html(trace.own_plan, shade, says)}</figure>"
        )
    stretches = "".join(
        f'<figure class="neo-stretch" data-origin="{stretch.origin}">'
        f"<figcaption>{says['origins'][stretch.origin]} · {len(stretch.tokens)}</figcaption>"
        f"{_tokens_html(stretch.tokens, shade, says)}</figure>"
        for stretch in trace.reply
    )
    return f'<ul class="neo-legend" aria-label="{says["colours"]}">{legend}</ul>{own}{stretches}'


def _levels_html(shade: int) -> str:
    return "".join(f'<i class="neo-t neo-t{shade} neo-l{level}">{level + 1}</i>' for level in range(LEVELS - 1))


def _tokens_html(tokens: Iterable[Token], shade: dict[str, int], says: Mapping) -> str:
    return f'<p class="neo-tokens">{"".join(_token_html(token, shade, says) for token in tokens)}</p>'


def _token_html(token: Token, shade: dict[str, int], says: Mapping) -> str:
    if token.kind == "word":
        text = line_html(token.text.replace(" ", "·").replace("\n", "↵"))
        return f"<span>{text}</span>"
    at = shade.get(token.type, 0)
    if token.kind == "code":
        level = min(token.level, LEVELS - 1)
        title = says["code"].format(type=line_html(token.type), level=token.level + 1, code=line_html(token.text))
        return f'<i class="neo-t neo-t{at} neo-l{level}" title="{title}">{line_html(token.text)}</i>'
    look = f"neo-t neo-t{at}" if token.type else f"neo-{token.kind}"
    return f'<i class="{look}">{line_html(token.text)}</i>'


def _beam_html(card: Card, children: tuple[int, ...], says: Mapping) -> str:
    """The beams of one span, best first: score (sum of log-probabilities), probability, SID, title."""
    beams = ((card.item, card.score), *card.alternatives)
    rows = "".join(
        f"<tr{' class=neo-chosen' if at == 0 else ''}><td>{at + 1}</td><td>{line_html(item.title)}</td>"
        f"<td>{line_html('-'.join(map(str, item.sid.codes)) if item.sid else '')}</td>"
        f"<td>{score:.2f}</td><td>{100 * exp(min(score, 0.0)):.1f} %</td></tr>"
        for at, (item, score) in enumerate(beams)
    )
    allowed = says["allowed"].format(ways=" → ".join(map(str, children)))
    return (
        f'<table class="neo-beams"><caption>{card.position}. {line_html(card.item.title)}'
        f" <small>{allowed}</small></caption>"
        f'<thead><tr><th scope="col">#</th><th scope="col">{says["title"]}</th><th scope="col">SID</th>'
        f'<th scope="col">{says["score"]}</th><th scope="col">p</th></tr></thead><tbody>{rows}</tbody></table>'
    )
