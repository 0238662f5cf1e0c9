"""The first version: nothing to do, a database of version 1 has these tables."""

from alembic.util import CommandError

revision, down_revision = "1", None


def upgrade() -> None:
    raise CommandError("no version of the catalog comes before 1")


def downgrade() -> None:
    raise CommandError("no version of the catalog comes before 1")
