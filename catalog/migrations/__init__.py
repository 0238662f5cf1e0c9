"""Steps from one schema version to the next, for Alembic. A step is a file of `versions/`, named for where it leads.

A step holds the SQL of its day and imports nothing of the tables: they will have moved on when it runs.
"""
