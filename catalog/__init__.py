"""What exists to be listened to: tables, queries, lookup by name, and the demo catalog.

This package knows SQL and the words of the domain. It does not know models, tensors or pages, imports none of the
rooms that do, and opens no session by itself: a caller opens a database (`catalog.database`), makes a
`sqlalchemy.orm.Session` and passes it in.
"""
