"""A file to import, as bytes or as text: unpacks .gz and .zip, finds the encoding, counts what was read.

Knows no format. What would fill memory or disk is refused: archives that unpack to hundreds of times their size.
"""

import codecs
import gzip
import io
import re
import zipfile
import zlib
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TextIO

from charset_normalizer import from_bytes

from catalog.errors import FileUnusable
from catalog.importers.clean import is_private
from catalog.importers.fetch import is_address

SAMPLE = 1 << 16
MOST_RATIO, FREE = 200, 32 << 20
"""An archive may unpack to so many times its size; below FREE bytes nobody asks."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Source:
    """A readable file. `name` is the file's, or what stands for it in messages (a feed's address)."""

    def __init__(self, path: Path, name: str | None = None):
        self.path, self.name = path, name or path.name
        self.read_so_far = 0
        """Bytes of the file itself, for a progress bar."""
        try:
            self.size = path.stat().st_size
            self.sample = self._sample()
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise FileUnusable(self.name, error, "check the path, and that the file is whole") from error
        if not self.sample:
            raise FileUnusable(self.name, "it is empty", "name a file with rows")

    @property
    def stem(self) -> str:
        """Whose numbers an "id" column has: a file's name without what it ends in, an address without its secrets."""
        if not is_address(self.name):
            return self.name.partition(".")[0]
        return self.name.partition("?")[0] if is_private(self.name) else self.name

    @property
    def suffix(self) -> str:
        """ ".csv" of "shows.CSV.gz"."""
        suffixes = [suffix.lower() for suffix in Path(self.name).suffixes if suffix.lower() not in (".gz", ".zip")]
        return suffixes[-1] if suffixes else ""

    def bytes(self) -> BinaryIO:
        """The unpacked bytes, from the beginning. Raises FileUnusable, also while reading, for an archive bomb."""
        return io.BufferedReader(_Guarded(self), 1 << 16)

    def text(self) -> TextIO:
        """The text, line ends as they are. In UTF-8, a byte that is none becomes a lone surrogate: see `mended`."""
        errors = "surrogateescape" if self.encoding.startswith("utf-8") else "replace"
        return io.TextIOWrapper(self.bytes(), self.encoding, errors, newline="")

    def utf8(self) -> BinaryIO:
        """The text as UTF-8 bytes without a BOM, for parsers that want bytes."""
        return io.BufferedReader(_Recoded(self.text()))

    @cached_property
    def encoding(self) -> str:
        """By BOM, by zero bytes (UTF-16), by an XML declaration, by being UTF-8, else the likeliest."""
        for bom, name in _BOMS:
            if self.sample.startswith(bom):
                return name
        even, odd = self.sample[::2].count(0), self.sample[1::2].count(0)
        if max(even, odd) > len(self.sample) // 8 and not self.is_sqlite:
            return "utf-16-be" if even > odd else "utf-16-le"
        if declared := re.match(rb"""\s*<\?xml[^>]*encoding=["']([\w.-]+)["']""", self.sample):
            try:
                return codecs.lookup(declared[1].decode()).name
            except LookupError:
                pass
        text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(self.sample)
        wrong = sum("\udc80" <= char <= "\udcff" for char in text)
        # Other encodings hardly ever look like UTF-8: some lines of another in a UTF-8 file are `mended` one by one.
        if wrong <= sum(char > "\x7f" for char in text) - wrong:
            return "utf-8"
        best = from_bytes(self.sample[:8192]).best()
        return best.encoding if best and best.encoding != "ascii" else "cp1252"

    @cached_property
    def beginning(self) -> str:
        """The sample as text."""
        return codecs.getincrementaldecoder(self.encoding)("replace").decode(self.sample).lstrip("\ufeff")

    @property
    def is_sqlite(self) -> bool:
        return self.sample.startswith(b"SQLite format 3\0")

    def _sample(self) -> bytes:
        with self.bytes() as stream:
            sample = stream.read(SAMPLE)
        self.read_so_far = 0
        return sample


def mended(text: str) -> tuple[str, bool]:
    """A line whose bytes are not UTF-8 read as Windows-1252 instead, and whether that was needed."""
    if text.isascii():
        return text, False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("cp1252", "replace"), True
    return text, False


class _Guarded(io.RawIOBase):
    """Unpacks while it counts what goes in and what comes out."""

    def __init__(self, source: Source):
        self._source, self._out = source, 0
        self._file = open(source.path, "rb")  # noqa: SIM115
        self._archive = None
        magic = self._file.read(4)
        self._file.seek(0)
        if magic[:2] == b"\x1f\x8b":
            self._stream = gzip.GzipFile(fileobj=self._file)
        elif magic == b"PK\x03\x04":
            self._archive = zipfile.ZipFile(self._file)
            members = [info for info in self._archive.infolist() if not info.is_dir()]
            if len(members) != 1 or members[0].flag_bits & 1:
                names = ", ".join(info.filename for info in members[:3])
                reason = f"the archive holds {len(members)} files ({names}...), expected a single open one"
                raise FileUnusable(source.name, reason, "unpack it and import its files")
            self._stream = self._archive.open(members[0])
        else:
            self._stream = self._file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        try:
            data = self._stream.read(len(buffer))
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise FileUnusable(self._source.name, error, "unpack it by hand, or fetch it again") from error
        self._source.read_so_far = self._file.tell()
        self._out += len(data)
        if self._out > max(FREE, MOST_RATIO * self._source.size):
            reason = f"it unpacks to more than {MOST_RATIO} times its size"
            raise FileUnusable(self._source.name, reason, "unpack it by hand if you trust it")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            if self._archive:
                self._archive.close()
            self._file.close()
        super().close()


class _Recoded(io.RawIOBase):
    def __init__(self, text: TextIO):
        self._text, self._rest = text, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self._rest:
            self._rest = self._text.read(1 << 15).encode("utf-8", "replace")
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._text.close()
        super().close()
