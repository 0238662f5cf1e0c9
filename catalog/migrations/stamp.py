"""The schema version in the table `meta`, which is the only place the program reads it from."""

from sqlalchemy import Connection, text

VERSION_KEY = "schema version"


def note_version(ctx, step, heads, run_args, **_) -> None:
    """Called by Alembic after each step."""
    version = next(iter(step.up_revision_ids if step.is_upgrade else step.down_revision_ids))
    write_version(ctx.connection, version)


def write_version(connection: Connection, version: str) -> None:
    connection.execute(
        text("update meta set value = :version where key = :key"), {"version": version, "key": VERSION_KEY}
    )
