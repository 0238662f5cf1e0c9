"""One JSON line on standard error for each reply. What was said is in a line of its own, at level DEBUG: never unless
it is asked for."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from neo.chat.parts import Card, Done, Notice, Understood, Words
from neo.chat.visit import Exchange

log = logging.getLogger("neo")


def start_logging(texts: bool = False) -> None:
    """Write the lines of this program to standard error; with `texts` also what visitors and replies say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter("{asctime}{levelname}{message}", style="{"))
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.DEBUG if texts else logging.INFO)


def log_reply(exchange: Exchange) -> None:
    """What a reply was, in numbers and names of the format."""
    done = next((part for part in exchange.parts if isinstance(part, Done)), None)
    understood = next((part for part in exchange.parts if isinstance(part, Understood)), None)
    log.info(
        "reply",
        extra={
            "characters": len(exchange.message),
            "act": understood.plan.act if understood else None,
            "language": understood.language if understood else None,
            "items": sum(isinstance(part, Card) for part in exchange.parts),
            "notices": sum(isinstance(part, Notice) for part in exchange.parts),
            "reason": done.reason if done else exchange.ended or "stopped",
            "seconds": done.seconds if done else {},
        },
    )
    words = "".join(part.text for part in exchange.parts if isinstance(part, Words))
    log.debug("said", extra={"asked": exchange.message, "answered": words})
