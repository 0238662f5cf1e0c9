"""What one visitor has said and seen, and how the next reply is added to it. No Gradio here.

A visit is a tuple of frozen exchanges and lives in the page's session state; nothing is kept in this module.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from neo.chat.cards import Labels, ReplyHtml, line_html, message_html
from neo.chat.chips import Menu, editor_html
from neo.chat.parts import Card, Controls, Conversation, Done, Notice, Part, Trace, Turn, Understood, Words
from neo.chat.transcript import pieces
from neo.chat.words import words
from neo.errors import NeoError
from neo.items import CatalogItem
from neo.plan import Plan
from neo.sids.quantizer import ResidualQuantizer
from neo.sids.sid import Sid

log = logging.getLogger("neo")

BROKEN = "Something broke on our side; the message was not lost: press Retry."


class Answering(Protocol):
    """What a page needs of an assistant; `neo.chat.assistant.Assistant` has it."""

    def reply(
        self,
        conversation: Conversation,
        message: str,
        controls: Controls = Controls(),
        plan: Plan | None = None,
        inspect: bool = False,
    ) -> Iterator[Part]: ...
    def listeners(self) -> list[tuple[str, str, bool]]: ...
    def types(self) -> list[tuple[str, str]]: ...
    def sid_space(self) -> dict[str, tuple[ResidualQuantizer, list[Sid]]]: ...
    def languages(self) -> list[tuple[str, str]]: ...
    def facets(self) -> list[tuple[str, str]]: ...
    def history(self, name: str) -> tuple[CatalogItem, ...]: ...
    def titles(self, text: str, limit: int = 8) -> tuple[CatalogItem, ...]: ...
    def called(self, titles: Iterable[str]) -> tuple[CatalogItem, ...]: ...
    def items(self, keys: Iterable[str]) -> tuple[CatalogItem, ...]: ...
    def addresses(self, items: Iterable[CatalogItem]) -> dict[str, str]: ...


@dataclass(frozen=True)
class Rating:
    """What a visitor thought of a reply. `row` is where it is kept."""

    row: int
    liked: bool
    reason: str | None = None


@dataclass(frozen=True)
class Exchange:
    """A message, the conversation it was said in, and what has come of the reply so far."""

    message: str
    before: Conversation = Conversation()
    parts: tuple[Part, ...] = ()
    begun: bool = False
    ended: str | None = None
    """"done" or "stopped"; None while the reply is awaited or being written."""
    plan: Plan | None = None
    """The plan that the visitor wants followed, in place of the model's."""
    language: str | None = None
    """Language to reply in, where the message alone would not tell."""
    then: tuple[str, ...] = ()
    """Messages to be said next, as in a scene of the tour."""
    scene: bool = False
    """Whether the message is a scene's, not the visitor's own."""
    rating: Rating | None = None

    @property
    def understood(self) -> Understood | None:
        return next((part for part in self.parts if isinstance(part, Understood)), None)

    @property
    def cards(self) -> tuple[Card, ...]:
        return tuple(part for part in self.parts if isinstance(part, Card))

    @property
    def trace(self) -> Trace | None:
        return next((part for part in self.parts if isinstance(part, Trace)), None)

    @property
    def spoken(self) -> str:
        """The language of the reply, of what is known of it: until then that of the conversation."""
        if self.understood:
            return self.understood.language
        return self.language or (self.before.turns[-1].language if self.before.turns else "en")

    @property
    def after(self) -> Conversation:
        """The conversation to go on with. Of a reply that was cut short, what the visitor saw of it counts."""
        for part in self.parts:
            if isinstance(part, Done):
                return part.conversation
        understood = self.understood
        items = tuple(card.item for card in self.cards)
        said = "".join(part.text for part in self.parts if isinstance(part, Words))
        if understood is None or not (items or said):
            return self.before
        turn = Turn(self.message, understood.language, understood.plan, items, said)
        return Conversation((*self.before.turns, turn))

    def afresh(self, plan: Plan | None = None) -> "Exchange":
        """The same message, unanswered; with a `plan`, the reply is to follow that one."""
        language = self.spoken if plan else self.language
        return Exchange(self.message, self.before, plan=plan or self.plan, language=language, scene=self.scene)

    def stopped(self) -> "Exchange":
        return self if self.ended else replace(self, ended="stopped")


Visit = tuple[Exchange, ...]


def said(visit: Visit, message: str, **wanted) -> Visit:
    """The visit with a new message at its end, to be answered; `wanted` is a plan, a language, what to say then."""
    return (*visit, Exchange(message, visit[-1].after if visit else Conversation(), **wanted))


def card_of(visit: Visit, key: str) -> CatalogItem | None:
    """The item of this key that some reply showed."""
    return next((card.item for exchange in visit for card in exchange.cards if card.item.key == key), None)


def waits(visit: Visit) -> bool:
    """Whether a reply is awaited or being written."""
    return bool(visit) and visit[-1].ended is None


def safe_parts(assistant: Answering, exchange: Exchange, controls: Controls, inspect: bool = False) -> Iterator[Part]:
    """Parts of the reply; an error becomes a notice, and one that nobody foresaw is also logged with its trace."""
    controls = replace(controls, reply_language=controls.reply_language or exchange.language)
    try:
        with closing(assistant.reply(exchange.before, exchange.message, controls, exchange.plan, inspect)) as parts:
            yield from parts
    except NeoError as error:
        yield Notice(str(error))
    except Exception:
        log.exception("a reply broke")
        yield Notice(BROKEN)


def answered(assistant: Answering, exchange: Exchange, controls: Controls, inspect: bool = False) -> Iterator[Exchange]:
    """The exchange after each part of the reply; the last one is ended."""
    exchange = replace(exchange, begun=True)
    for part in safe_parts(assistant, exchange, controls, inspect):
        exchange = replace(exchange, parts=(*exchange.parts, part))
        yield exchange
    yield replace(exchange, ended="done")


@dataclass(frozen=True)
class Tools:
    """What a visitor can do with a reply besides reading it."""

    menu: Menu = Menu()
    rates: bool = False
    """Whether there is a place to keep what a visitor thinks of a reply."""


def reply_html(exchange: Exchange, labels: Labels, tools: Tools | None = None, at: int = 0, last: bool = True) -> str:
    """The reply to the message at `at`; only the chips of the last one can be changed."""
    says = words(exchange.spoken)
    # The exchange says when it has ended: between its last part and that, nothing may look as if it could be pressed.
    parts = (part for part in exchange.parts if not isinstance(part, Done))
    reply = ReplyHtml.of(parts, labels.spoken(exchange.spoken), says["card"] if tools else None)
    if exchange.ended:
        reply.end(exchange.ended)
    if not tools or not exchange.ended:
        return reply.html()
    plan = editor_html(exchange.understood, tools.menu) if last and exchange.understood else None
    return reply.html(plan, _rating_html(exchange.rating, at, says) if tools.rates else "")


def _rating_html(rating: Rating | None, at: int, says: dict) -> str:
    buttons = "".join(
        f'<button type="button" data-do="rate" data-at="{at}" data-value="{name}"'
        f' aria-pressed="{"true" if rating and rating.liked == (name == "like") else "false"}">'
        f"{line_html(says['rate'][name])}</button>"
        for name in ("like", "dislike")
    )
    reasons = ""
    if rating and not rating.liked:
        options = "".join(
            f'<option value="{name}"{" selected" if rating.reason == name else ""}>{line_html(label)}</option>'
            for name, label in {"": says["rate"]["reason"], **says["reasons"]}.items()
        )
        label = line_html(says["rate"]["reason"])
        reasons = f'<select data-do="reason" data-at="{at}" aria-label="{label}">{options}</select>'
    return f'<div class="neo-rating">{buttons}{reasons}</div>'


def asked_html(exchange: Exchange, at: int, tools: Tools | None) -> str:
    """What the visitor said, with a button to say it otherwise: unseen during the reply, but its room is kept."""
    html = message_html(exchange.message)
    if not tools:
        return html
    edit, off = line_html(words(exchange.spoken)["edit"]), "" if exchange.ended else " disabled"
    return (
        f'{html}<button type="button" class="neo-edit" data-do="edit" data-at="{at}"'
        f' aria-label="{edit}: {line_html(exchange.message[:60])}"{off}>{edit}</button>'
    )


def messages(visit: Visit, labels: Labels, tools: Tools | None = None) -> list[dict[str, str]]:
    """The visit as chat messages, one bot message per reply."""
    return [
        message
        for at, exchange in enumerate(visit)
        for message in (
            {"role": "user", "content": asked_html(exchange, at, tools)},
            {"role": "assistant", "content": reply_html(exchange, labels, tools, at, at == len(visit) - 1)},
        )
    ]


def as_dict(exchange: Exchange) -> dict:
    """An exchange as JSON for programs. `text` holds words and titles in order, `parts` notices and items too."""
    understood, cards = exchange.understood, exchange.cards
    done = next((part for part in exchange.parts if isinstance(part, Done)), None)
    text = "".join(
        part.text if isinstance(part, Words) else part.item.title
        for part in exchange.parts
        if isinstance(part, Words | Card)
    )
    return {
        "text": text,
        "parts": pieces(exchange.parts, card_dict),
        "items": [card_dict(card) for card in cards],
        "notices": [part.text for part in exchange.parts if isinstance(part, Notice)],
        "plan": understood.plan.as_dict() if understood else None,
        "chips": list(understood.chips) if understood else [],
        "language": understood.language if understood else None,
        "reason": done.reason if done else None,
        "seconds": done.seconds if done else {},
    }


def card_dict(card: Card) -> dict:
    item = card.item
    return {
        "position": card.position,
        "key": item.key,
        "sid": str(item.sid) if item.sid else None,
        "type": item.type,
        "title": item.title,
        "makers": list(item.makers),
        "language": item.language,
        "year": item.year,
        "minutes": item.minutes,
        "topics": list(item.topics),
        "score": card.score,
    }
