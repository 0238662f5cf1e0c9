"""Items may be parts of others: an episode of a show."""

from alembic import op

revision, down_revision = "2", "1"


def upgrade() -> None:
    # Spelled out because SQLite can add a column with a reference, but no reference to a column that is there.
    op.execute("alter table items add column part_of_id integer references items (id) on delete set null")
    op.execute("create index ix_items_part_of_id on items (part_of_id)")


def downgrade() -> None:
    op.execute("drop index ix_items_part_of_id")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("alter table items drop column part_of_id")
        return
    # SQLite drops no column of a foreign key: the table is made anew. Other tables go on referring to its name.
    op.execute(
        """create table items_of_version_1 (
            id integer not null primary key,
            "key" varchar not null unique,
            type varchar not null references item_types (name),
            title varchar not null,
            language varchar not null,
            year integer,
            minutes integer,
            fame integer not null,
            description varchar not null,
            constraint item_fame check (fame between 1 and 5)
        )"""
    )
    columns = 'id, "key", type, title, language, year, minutes, fame, description'
    op.execute(f"insert into items_of_version_1 ({columns}) select {columns} from items")
    op.execute("drop table items")
    op.execute("alter table items_of_version_1 rename to items")
    op.execute("create index ix_items_type_language on items (type, language)")
