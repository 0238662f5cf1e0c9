"""A semantic ID: an item type and a tuple of codes, one per level. The text form is `show:12-3-7-30`."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Sid:
    type: str
    codes: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.type}:{'-'.join(map(str, self.codes))}"

    @classmethod
    def parse(cls, text: str) -> "Sid":
        """The inverse of `str(sid)`. Raises ValueError on anything else."""
        type_, colon, codes = text.rpartition(":")
        if not type_ or not colon or not codes:
            raise ValueError(f'{text!r} is not a SID: expected "type:code-code-...", as in "show:12-3-7-30"')
        return cls(type_, tuple(int(code) for code in codes.split("-")))
