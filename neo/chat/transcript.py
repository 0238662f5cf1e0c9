"""A reply written down: as the JSON object of `python -m neo chat --json`, as text for a terminal, as Markdown."""

import re
from collections.abc import Callable, Iterable

from neo.chat.parts import Card, Done, Notice, Part, Understood, Words
from neo.items import CatalogItem


def as_json(parts: list[Part]) -> dict:
    """The stable JSON of one turn: text, language, plan, parts, seconds."""
    understood = next((part for part in parts if isinstance(part, Understood)), None)
    done = next(part for part in parts if isinstance(part, Done))
    ordered = pieces(parts, lambda card: item_json(card.item))
    return {
        "text": "".join(piece.get("text") or piece["item"]["title"] for piece in ordered),
        "language": done.language,
        "plan": understood.plan.as_dict() if understood else {},
        "parts": ordered,
        "seconds": done.seconds,
    }


def pieces(parts: Iterable[Part], item: Callable[[Card], dict]) -> list[dict]:
    """What was said and shown, in the order of the reply: {"text": ...} and, of a card, {"item": item(card)}. A notice
    has a line of its own among words."""
    out: list[dict] = []
    noticed = False
    for part in parts:
        if isinstance(part, Words | Notice):
            if out and "text" in out[-1]:
                out[-1]["text"] += ("\n" if noticed or isinstance(part, Notice) else "") + part.text
            else:
                out.append({"text": part.text})
        elif isinstance(part, Card):
            out.append({"item": item(part)})
        noticed = isinstance(part, Notice)
    return out


def item_json(item: CatalogItem) -> dict:
    return {
        "sid": str(item.sid),
        "type": item.type,
        "title": item.title,
        "maker": ", ".join(item.makers),
        "language": item.language,
        "topics": list(item.topics),
    }


def as_text(parts: list[Part]) -> str:
    """The reply as lines of text, items in brackets."""
    out = ""
    for part in parts:
        if isinstance(part, Understood):
            out += f"({' · '.join(part.chips) or part.plan.act})\n"
        elif isinstance(part, Words):
            out += part.text
        elif isinstance(part, Notice):
            out += f"{part.text}\n"
        elif isinstance(part, Card):
            out += f"[{part.item.title} — {', '.join(part.item.makers)}, {part.item.type}, {part.item.language}]"
    return out.strip() + "\n"


_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")


def as_markdown(exchanges: Iterable[tuple[str, Iterable[Part]]]) -> str:
    """(message, parts of the reply) of a whole conversation as Markdown; nothing in it is taken for markup."""
    out = []
    for message, parts in exchanges:
        out.append("\n".join(f"> {_plain(line)}" for line in message.splitlines() or [""]))
        said = ""
        for part in parts:
            if isinstance(part, Words):
                said += _plain(part.text)
            elif isinstance(part, Notice):
                said += f"\n\n_{_plain(part.text)}_\n\n"
            elif isinstance(part, Card):
                item = part.item
                facts = ", ".join(filter(None, (*item.makers, item.type, str(item.year or ""))))
                said += f"**{_plain(item.title)}** ({_plain(facts)})"
        out.append(said.strip())
    return "\n\n".join(out) + "\n"


def _plain(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)
