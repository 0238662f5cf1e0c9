"""Every error this package raises on purpose.

A message holds three things: the value that was met, what was expected, and what to do about it. Callers catch a
class; nobody matches on the text.
"""

from collections.abc import Sequence


class CatalogError(Exception):
    """Something is wrong with the catalog, its database or its data."""


class DatabaseUnusable(CatalogError):
    """The database cannot be opened at all."""

    def __init__(self, database: object, reason: object):
        super().__init__(
            f"cannot use {database} as the catalog's database ({reason}); expected a URL such as"
            f' "sqlite:////path/to/catalog.db" in a folder you may write to: set NEO_DATABASE or pass --database'
        )


class SchemaMismatch(CatalogError):
    """The database was made by another version of the tables."""

    def __init__(self, database: object, found: str, expected: str):
        super().__init__(
            f"{database} has catalog schema version {found}, this program expects {expected}: run"
            f' "python -m catalog upgrade", or point NEO_DATABASE (or --database) at a new file'
        )


class DatabaseBusy(CatalogError):
    """Somebody else is writing to the database and takes long."""

    def __init__(self, database: object, reason: object):
        super().__init__(
            f"{database} is being written by another command ({reason}), expected it free: wait for that command to"
            f" finish and run this one again; nothing was changed"
        )


class EmptyCatalog(CatalogError):
    """A command needs items, and the database holds none."""

    def __init__(self, database: object):
        super().__init__(f'no items in {database}, expected at least one: run "python -m catalog load"')


class ItemNotFound(CatalogError):
    """No item has this key or title."""

    def __init__(self, wanted: str, near: Sequence[str] = ()):
        remedy = f"did you mean {', '.join(near)}?" if near else f'try "python -m catalog search {wanted!r}"'
        super().__init__(f"no item {wanted!r}, expected a key such as 'show:serial' or a title: {remedy}")


class UnknownFacet(CatalogError, ValueError):
    """A topic, tone, format or language that the vocabulary lacks. A ValueError, so that pydantic collects it."""

    def __init__(self, kind: str, name: object, near: str | None):
        remedy = f"did you mean {near!r}?" if near else "choose another"
        super().__init__(f"unknown {kind} {name!r}, expected a name from vocabulary.yaml: {remedy}")


class DemoDataInvalid(CatalogError):
    """Rows of the demo's files that cannot be loaded; all of them, so that one run shows what is to be mended."""

    def __init__(self, problems: Sequence[object]):
        self.problems = tuple(problems)
        lines = "\n  ".join(map(str, problems))
        super().__init__(
            f"{len(problems)} invalid values in the demo data, expected none. Nothing was loaded; mend them:\n  {lines}"
        )


class FileUnusable(CatalogError):
    """A file that cannot be read or written as a whole; nothing of it was."""

    def __init__(self, name: object, reason: object, remedy: str):
        self.name, self.reason = name, reason
        super().__init__(f"cannot use {name}: {reason}; nothing was changed: {remedy}")


class AddressRefused(CatalogError):
    """An address that is not fetched: not of the public web, too large, too slow, or gone."""

    def __init__(self, url: object, reason: object):
        super().__init__(
            f"did not fetch {url}: {reason}; expected a feed on the public web: check the address, or save the feed to"
            f" a file and import that"
        )


class ListenerUnknown(CatalogError):
    """No listener has this name."""

    def __init__(self, name: str, near: Sequence[str] = ()):
        remedy = f"did you mean {', '.join(map(repr, near))}?" if near else 'see "python -m catalog stats"'
        super().__init__(f"no listener {name!r}, expected the name of one: {remedy}")
