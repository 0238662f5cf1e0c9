"""How Alembic runs the steps: on the connection it is handed, in the caller's transaction, noting every version."""

from alembic import context

from catalog.migrations.stamp import note_version

context.configure(
    connection=context.config.attributes["connection"],
    on_version_apply=note_version,
    transaction_per_migration=False,
    transactional_ddl=False,  # begin and commit are the caller's
)
context.run_migrations()
