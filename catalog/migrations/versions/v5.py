"""Items say whether they are explicit, and when they came into the catalog."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "5", "4"


def upgrade() -> None:
    op.add_column("items", sa.Column("explicit", sa.Boolean()))
    op.add_column("items", sa.Column("added", sa.DateTime()))


def downgrade() -> None:
    op.drop_column("items", "added")
    op.drop_column("items", "explicit")
