"""Items may be disabled: kept, but never suggested."""

from alembic import op

revision, down_revision = "4", "3"


def upgrade() -> None:
    op.execute(
        "create table disabled_items (item_id integer not null primary key references items (id) on delete cascade)"
    )


def downgrade() -> None:
    op.execute("drop table disabled_items")
