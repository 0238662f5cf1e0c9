"""The names a plan may use for topics, tones and formats: those that some item has, as token sequences."""

from sqlalchemy.orm import Session

from catalog import queries
from neo.decoding.grammar import WordTrie
from neo.format import Format


def facet_tries(session: Session, format_: Format) -> dict[str, WordTrie]:
    """A trie of names by kind of facet."""
    names: dict[str, list[list[int]]] = {}
    for kind, name in session.execute(queries.facet_names()):
        names.setdefault(kind, []).append(format_.words(" " + name))
    return {kind: WordTrie(sequences) for kind, sequences in names.items()}
