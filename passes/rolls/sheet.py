"""A CSV file as rows of cells, whatever program wrote it.

The encoding is told by its mark or by being readable; where several could be meant, letters that Polish or Russian
needs decide, and the preview shows what was made of it. The delimiter is the one that parts the header into most cells.
Nothing is read at once: a file of any size costs the memory of its longest line, and limits stop what is no roll.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadInput

MOST_BYTES = 256 * 1024 * 1024
MOST_COLUMNS = 60
MOST_CELL = 1000
MOST_LINES = 1_000_000
ENCODINGS = ("utf-8", "utf-16", "cp1251", "cp1250")
_DELIMITERS = ";,\t"
_SAMPLE = 256 * 1024
_POLISH = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ")


@dataclass(frozen=True)
class Sheet:
    """How a file is to be read, and its header."""

    file: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Every row below the header with the number of its last line; empty lines are passed over."""
        with self.file.open("r", encoding=self.encoding, newline="") as text:
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            try:
                next(reader)
                for cells in reader:
                    if reader.line_num > MOST_LINES:
                        raise BadInput(f"{self.file.name}: more than {MOST_LINES} lines; part the file.", field="file")
                    if any(cell.strip() for cell in cells):
                        yield reader.line_num, cells
            except csv.Error as wrong:
                where = f"{self.file.name}, line {reader.line_num}"
                raise BadInput(f"{where}: this is no CSV from here on ({wrong}).", field="file") from None
            except UnicodeError:
                where = f"{self.file.name}, line {reader.line_num + 1}"
                raise BadInput(
                    f"{where}: not readable as {self.encoding}; say --encoding {' or '.join(ENCODINGS)}.", field="file"
                ) from None


def opened(file: Path, encoding: str | None = None) -> Sheet:
    """The file with its encoding, delimiter and header found; raises `BadInput` when it is no CSV."""
    if not 0 < file.stat().st_size <= MOST_BYTES:
        raise BadInput(f"{file.name}: a roll has 1 byte to {MOST_BYTES >> 20} MiB.", field="file")
    chosen = encoding or _encoding(file)
    line, name = _header(file, chosen), file.name
    delimiter = max(_DELIMITERS, key=line.count)
    try:
        header = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise BadInput(f"{name}: the first line names the columns; this one cannot be read.", field="file") from None
    if not any(cell.strip() for cell in header):
        raise BadInput(f"{name}: the first line names the columns; this one is empty.", field="file")
    if len(header) > MOST_COLUMNS:
        raise BadInput(f"{file.name}: at most {MOST_COLUMNS} columns; these are {len(header)}.", field="file")
    return Sheet(file, chosen, delimiter, tuple(cell.strip().lstrip("\ufeff") for cell in header))


def _header(file: Path, encoding: str) -> str:
    try:
        with file.open("r", encoding=encoding, newline="") as text:
            line = text.readline(MOST_COLUMNS * MOST_CELL)
    except (UnicodeError, LookupError):
        raise BadInput(
            f"{file.name}: not readable as {encoding}; say --encoding {' or '.join(ENCODINGS)}.", field="file"
        ) from None
    if "\0" in line:
        raise _no_text(file)
    return line.rstrip("\r\n")


def _no_text(file: Path) -> BadInput:
    return BadInput(f"{file.name}: this is no text; save the table as CSV.", field="file")


def _encoding(file: Path) -> str:
    with file.open("rb") as raw:
        sample = raw.read(_SAMPLE)
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if b"\0" in sample:
        raise _no_text(file)
    return "utf-8" if _is_utf8(file) else _eight_bits(sample)


def _is_utf8(file: Path) -> bool:
    try:
        with file.open("r", encoding="utf-8", newline="") as text:
            while text.read(_SAMPLE):
                pass
    except UnicodeError:
        return False
    return True


def _eight_bits(sample: bytes) -> str:
    """Russian words are almost all of them above ASCII; in Polish ones single letters are, and few kinds of them."""
    above = [byte for byte in sample if byte >= 0x80]
    polish = sum(bytes([byte]).decode("cp1250", "replace") in _POLISH for byte in above)
    return "cp1250" if polish * 10 >= len(above) * 9 else "cp1251"
