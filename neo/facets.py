"""What a plan may say of topics, tones, formats (the names that some item has) and lengths, as token sequences."""

from sqlalchemy.orm import Session

from catalog import queries
from neo.decoding.grammar import WordTrie
from neo.format import Format
from neo.plan import LENGTHS, SHORTER


def facet_tries(session: Session, format_: Format) -> dict[str, WordTrie]:
    """A trie of names by kind of facet."""
    names = {"length": [format_.words(" " + length) for length in (*LENGTHS, SHORTER)]}
    for kind, name in session.execute(queries.facet_names()):
        names.setdefault(kind, []).append(format_.words(" " + name))
    return {kind: WordTrie(sequences) for kind, sequences in names.items()}
