"""Parts of a reply as JSON and back, so that a conversation can go on after a restart and be replayed years later."""

from pydantic import TypeAdapter

from neo.chat.parts import Card, Done, Notice, Part, Understood, Words

_KINDS = {kind.__name__: TypeAdapter(kind) for kind in (Understood, Words, Card, Notice, Done)}


def part_json(part: Part) -> list:
    """[kind, fields]."""
    kind = type(part).__name__
    return [kind, _KINDS[kind].dump_python(part, mode="json")]


def part_of(stored: list) -> Part:
    """The inverse of `part_json`."""
    kind, fields = stored
    return _KINDS[kind].validate_python(fields)
