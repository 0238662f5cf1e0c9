"""The first version: nothing to do, a database of version 1 has these tables."""

revision, down_revision = "1", None


def upgrade() -> None:
    raise NotImplementedError("no version comes before 1")


def downgrade() -> None:
    raise NotImplementedError("no version comes before 1")
