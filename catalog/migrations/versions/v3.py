"""What others call an item, words of titles and makers, and a listen that can be told from its double."""

from alembic import op

revision, down_revision = "3", "2"

WORDS = {"items": "title", "makers": "name"}


def upgrade() -> None:
    op.execute(
        """create table item_refs (
            scheme varchar not null,
            value varchar not null,
            item_id integer not null references items (id) on delete cascade,
            primary key (scheme, value)
        )"""
    )
    op.execute("create index ix_item_refs_value on item_refs (value)")
    op.execute("create index ix_item_refs_item_id on item_refs (item_id)")
    op.execute(
        """delete from listens where id not in (select min(id) from listens group by listener_id, item_id, at)"""
    )
    op.execute("create unique index ux_listens_event on listens (listener_id, item_id, at)")
    for table, column in WORDS.items():
        if op.get_bind().dialect.name == "sqlite":
            _index_words_in_sqlite(table, column)
        elif op.get_bind().dialect.name == "postgresql":
            vector = rf"to_tsvector('simple', regexp_replace(normalize({column}, NFKD), '[\u0300-\u036f]', '', 'g'))"
            op.execute(f"create index ix_{table}_words on {table} using gin ({vector})")


def downgrade() -> None:
    for table in WORDS:
        if op.get_bind().dialect.name == "sqlite":
            for event in ("added", "gone", "changed"):
                op.execute(f"drop trigger {table}_words_{event}")
            op.execute(f"drop table {table}_words")
        elif op.get_bind().dialect.name == "postgresql":
            op.execute(f"drop index ix_{table}_words")
    op.execute("drop index ux_listens_event")
    op.execute("drop table item_refs")


def _index_words_in_sqlite(table: str, column: str) -> None:
    words = f"{table}_words"
    drop = f"insert into {words}({words}, rowid, {column}) values ('delete', old.id, old.{column});"
    add = f"insert into {words}(rowid, {column}) values (new.id, new.{column});"
    for statement in (
        f"create virtual table {words} using fts5("
        f"{column}, content='{table}', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2 3')",
        f"create trigger {words}_added after insert on {table} begin {add} end",
        f"create trigger {words}_gone after delete on {table} begin {drop} end",
        f"create trigger {words}_changed after update of {column} on {table} begin {drop} {add} end",
        f"insert into {words}({words}) values ('rebuild')",
    ):
        op.get_bind().exec_driver_sql(statement)
