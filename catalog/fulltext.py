"""Full-text search of titles and makers' names: SQLite's FTS5, PostgreSQL's tsvector, one way to ask either.

An index follows its table by triggers (SQLite) or is one over an expression (PostgreSQL), so that whatever writes a row
keeps it true. Words are compared without case and accents, and a word that is asked for may be the beginning of one.
"""

import re
import unicodedata

from sqlalchemy import DDL, Table, event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import literal
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean, String

_INDEXED = {"items": "title", "makers": "name"}
"""Table -> the column whose words are searched."""


def words_of(text: str) -> list[str]:
    """The words to look for, as both indexes cut and fold them: "L'Étranger" -> ["l", "etranger"].

    Only Latin letters lose their marks, as with FTS5: й is no и, and Hangul that comes apart is found nowhere.
    """
    folded = re.sub(r"(?<=[a-z])[\u0300-\u036f]+", "", unicodedata.normalize("NFKD", text.lower()))
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", folded))


class has_word(FunctionElement):  # it reads as an SQL function
    """Whether the indexed column of `table` has a word that begins with `word` (one of `words_of`)."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, table: Table, word: str):
        self.words = f"{table.name}_words"
        # Both ways to ask travel along as parameters; the dialect takes the one it understands.
        apart = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", word))
        super().__init__(
            table.c.id, table.c[_INDEXED[table.name]], literal(f'"{word}"*', String()), literal(f"{apart}:*", String())
        )


@compiles(has_word)
def _fts5(element: has_word, compiler, **options) -> str:
    item, _, asked, _ = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{item} in (select rowid from {element.words} where {element.words} match {asked})"


@compiles(has_word, "postgresql")
def _tsvector(element: has_word, compiler, **options) -> str:
    _, column, _, asked = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{_vector(column)} @@ to_tsquery('simple', {asked})"


def _vector(column: str) -> str:
    # Letters and their accents come apart in NFKD; "simple" has no stop words: The Who are a title.
    return rf"to_tsvector('simple', regexp_replace(normalize({column}, NFKD), '[\u0300-\u036f]', '', 'g'))"


def ddl(dialect: str) -> dict[str, list[str]]:
    """Table -> the statements that make its index."""
    if dialect == "sqlite":
        return {table: _sqlite_ddl(table, column) for table, column in _INDEXED.items()}
    if dialect == "postgresql":
        return {
            table: [f"create index ix_{table}_words on {table} using gin ({_vector(column)})"]
            for table, column in _INDEXED.items()
        }
    return {}


def _sqlite_ddl(table: str, column: str) -> list[str]:
    words = f"{table}_words"
    drop = f"insert into {words}({words}, rowid, {column}) values ('delete', old.id, old.{column});"
    add = f"insert into {words}(rowid, {column}) values (new.id, new.{column});"
    return [
        f"create virtual table {words} using fts5("
        f"{column}, content='{table}', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2 3')",
        f"create trigger {words}_added after insert on {table} begin {add} end",
        f"create trigger {words}_gone after delete on {table} begin {drop} end",
        f"create trigger {words}_changed after update of {column} on {table} begin {drop} {add} end",
    ]


def keep_index(table: Table) -> None:
    """Makes the index of a table together with the table."""
    for dialect in ("sqlite", "postgresql"):
        for statement in ddl(dialect)[table.name]:
            event.listen(table, "after_create", DDL(statement.replace("%", "%%")).execute_if(dialect=dialect))
