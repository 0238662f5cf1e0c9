"""What one visitor has said and seen, and how the next reply is added to it. No Gradio here.

A visit is a tuple of frozen exchanges and lives in the page's session state; nothing is kept in this module.
"""

import sys
import traceback
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from neo.chat.cards import Labels, ReplyHtml, message_html
from neo.chat.parts import Card, Controls, Conversation, Done, Notice, Part, Turn, Understood, Words
from neo.errors import NeoError

BROKEN = "Something broke on our side; the message was not lost: press Retry."


class Answering(Protocol):
    """What a page needs of an assistant; `neo.chat.assistant.Assistant` has it."""

    def reply(self, conversation: Conversation, message: str, controls: Controls = Controls()) -> Iterator[Part]: ...
    def listeners(self) -> list[tuple[str, str, bool]]: ...
    def types(self) -> list[tuple[str, str]]: ...
    def languages(self) -> list[tuple[str, str]]: ...


@dataclass(frozen=True)
class Exchange:
    """A message, the conversation it was said in, and what has come of the reply so far."""

    message: str
    before: Conversation = Conversation()
    parts: tuple[Part, ...] = ()
    begun: bool = False
    ended: str | None = None
    """"done" or "stopped"; None while the reply is awaited or being written."""

    @property
    def after(self) -> Conversation:
        """The conversation to go on with. Of a reply that was cut short, what the visitor saw of it counts."""
        for part in self.parts:
            if isinstance(part, Done):
                return part.conversation
        understood = next((part for part in self.parts if isinstance(part, Understood)), None)
        items = tuple(part.item for part in self.parts if isinstance(part, Card))
        words = "".join(part.text for part in self.parts if isinstance(part, Words))
        if understood is None or not (items or words):
            return self.before
        turn = Turn(self.message, understood.language, understood.plan, items, words)
        return Conversation((*self.before.turns, turn))

    def afresh(self) -> "Exchange":
        """The same message, unanswered."""
        return Exchange(self.message, self.before)

    def stopped(self) -> "Exchange":
        return self if self.ended else replace(self, ended="stopped")


Visit = tuple[Exchange, ...]


def said(visit: Visit, message: str) -> Visit:
    """The visit with a new message at its end, to be answered."""
    return (*visit, Exchange(message, visit[-1].after if visit else Conversation()))


def waits(visit: Visit) -> bool:
    """Whether a reply is awaited or being written."""
    return bool(visit) and visit[-1].ended is None


def safe_parts(assistant: Answering, exchange: Exchange, controls: Controls) -> Iterator[Part]:
    """Parts of the reply; an error becomes a notice, and one that nobody foresaw is also logged with its trace."""
    try:
        with closing(assistant.reply(exchange.before, exchange.message, controls)) as parts:
            yield from parts
    except NeoError as error:
        yield Notice(str(error))
    except Exception:
        traceback.print_exc(file=sys.stderr)
        yield Notice(BROKEN)


def answered(assistant: Answering, exchange: Exchange, controls: Controls) -> Iterator[Exchange]:
    """The exchange after each part of the reply; the last one is ended."""
    exchange = replace(exchange, begun=True)
    for part in safe_parts(assistant, exchange, controls):
        exchange = replace(exchange, parts=(*exchange.parts, part))
        yield exchange
    yield replace(exchange, ended="done")


def reply_html(exchange: Exchange, labels: Labels) -> str:
    reply = ReplyHtml.of(exchange.parts, labels)
    if exchange.ended:
        reply.end(exchange.ended)
    return reply.html()


def messages(visit: Visit, labels: Labels) -> list[dict[str, str]]:
    """The visit as chat messages, one bot message per reply."""
    return [
        message
        for exchange in visit
        for message in (
            {"role": "user", "content": message_html(exchange.message)},
            {"role": "assistant", "content": reply_html(exchange, labels)},
        )
    ]


def as_dict(exchange: Exchange) -> dict:
    """An exchange as JSON for programs. `text` holds words and titles in the order of the reply."""
    understood = next((part for part in exchange.parts if isinstance(part, Understood)), None)
    cards = [part for part in exchange.parts if isinstance(part, Card)]
    done = next((part for part in exchange.parts if isinstance(part, Done)), None)
    text = "".join(
        part.text if isinstance(part, Words) else part.item.title
        for part in exchange.parts
        if isinstance(part, Words | Card)
    )
    return {
        "text": text,
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
