"""Packs passes: a `Template` is prepared once per look and signer, `build` makes a member's .pkpass.

One technique: whatever many members share is finished before the first of them comes. Pictures are zip
entries with their checksums already computed; pass.json is written once for all cards with the same fields and
only its blanks are filled; the words that a programme's members share are kept as the beginning of each
`pass.strings`, together with the state of its SHA-1 and CRC-32, and a member's own sentences are only appended.
What is left per pass is a few short hashes and one signature.

Nothing is compressed (pictures already are) and every entry bears the same date, so equal cards give equal
bytes but for the signature and its time. Reads no file; threads may share a template.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from struct import Struct
from typing import Protocol
from zlib import crc32

from ...card import Card
from ...errors import BadInput
from ...look import Look
from ...words import Catalogue, Words
from . import strings
from .model import Pass, Texts
from .render import STYLES, Issuer, Shared, alike, draw, render, shape, share

MEDIA_TYPE = "application/vnd.apple.pkpass"
MEDIA_TYPE_MANY = "application/vnd.apple.pkpasses"
MOST_PASSES = 10
MOST_BYTES = 150_000_000
MOST_SHEETS = 512

SCALES = {"1x": "", "2x": "@2x", "3x": "@3x"}


class Signs(Protocol):
    def sign(self, manifest: bytes, at: int) -> bytes:
        """The detached signature of these bytes."""


class Hash(Protocol):
    def copy(self) -> Hash: ...
    def update(self, more: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Template:
    """Makes the passes of one look for one issuer."""

    def __init__(self, look: Look, issuer: Issuer, signer: Signs) -> None:
        self._look, self._issuer, self._signer = look, issuer, signer
        self._words: Mapping[str, Words] = Catalogue(look.words)
        self._pictures = _prepared(pictures(look))
        self._sheets: dict[Hashable, _Sheet] = {}

    @property
    def beginning(self) -> bytes:
        """What every pass of the look begins with: its pictures."""
        return self._pictures.content

    def build(self, card: Card, token: str, link: str, at: int) -> bytes:
        """The member's .pkpass, signed at `at`. `token` lets phones ask for it again, `link` is the card's web page."""
        return self.beginning + self.rest(card, token, link, at)

    def rest(self, card: Card, token: str, link: str, at: int) -> bytes:
        """The member's .pkpass from where its `beginning` ends: far less to keep, for whoever keeps many."""
        sheet = self._sheet(card)
        own = render(card, sheet.shared, self._words, self._issuer, token, link)
        return sheet.drawn(card, link).create(own.values, own.lines, sheet, at)

    def _sheet(self, card: Card) -> _Sheet:
        key = alike(card)
        sheet = self._sheets.get(key)
        if sheet is None:
            if len(self._sheets) >= MOST_SHEETS:
                self._sheets.clear()
            sheet = _Sheet(share(card, self._look, self._words, self._issuer), self._pictures, self._signer)
            self._sheets[key] = sheet
        return sheet


def pictures(look: Look) -> dict[str, bytes]:
    """The look's images that its style shows, under Apple's names."""
    found = {}
    for name in STYLES[look.style].images:
        for scale, suffix in SCALES.items():
            if image := look.images.get(f"{name}@{scale}"):
                found[f"{name}{suffix}.png"] = image
    return found


def bundle_many(passes: Sequence[bytes]) -> bytes:
    """Several .pkpass in one .pkpasses, for a person with several cards."""
    if not 1 <= len(passes) <= MOST_PASSES:
        raise BadInput(f"A .pkpasses file holds 1 to {MOST_PASSES} passes, not {len(passes)}; send several files.")
    archive = _Archive()
    for at, each in enumerate(passes, 1):
        archive.add(_Entry(f"{at}.pkpass"), each, crc32(each))
    if (whole := archive.closed()) and len(whole) > MOST_BYTES:
        raise BadInput("These passes are larger than 150 MB together; send them one by one.")
    return whole


class _Sheet:
    """A programme's pass, ready but for the member: what `model.Pass.create` is packed by."""

    def __init__(self, shared: Shared, pictures: _Prepared, signer: Signs) -> None:
        self.shared = shared
        self._pictures, self._signer = pictures, signer
        self._heads = {language: _head(language, lines) for language, lines in shared.lines.items()}
        self._drawn: dict[Hashable, Pass] = {}

    def drawn(self, card: Card, link: str) -> Pass:
        key = shape(card, link)
        drawn = self._drawn.get(key)
        if drawn is None:
            drawn = self._drawn[key] = draw(card, self.shared, link)
        return drawn

    def pack(self, pass_json: bytes, texts: Texts, at: int) -> bytes:
        archive = _Archive(self._pictures)
        manifest = [self._pictures.manifest]
        for language, lines in texts.items():
            head = self._heads[language]
            tail = strings.encode(lines)
            digest = head.digest.copy()
            digest.update(tail)
            archive.add(head.entry, head.raw + tail, crc32(tail, head.crc))
            manifest.append(_listed(head.entry, digest))
        archive.add(PASS_JSON, pass_json, crc32(pass_json))
        manifest.append(_listed(PASS_JSON, sha1(pass_json)))
        written = f"{{{','.join(manifest)}}}".encode()
        archive.add(MANIFEST, written, crc32(written))
        signature = self._signer.sign(written, at)
        archive.add(SIGNATURE, signature, crc32(signature))
        return archive.closed()


@dataclass(frozen=True)
class _Head:
    """The beginning of a pass.strings, hashed as far as it goes."""

    entry: _Entry
    raw: bytes
    digest: Hash
    crc: int


def _head(language: str, lines: str) -> _Head:
    raw = strings.BOM + strings.encode(lines)
    return _Head(_Entry(f"{language}.lproj/pass.strings"), raw, sha1(raw), crc32(raw))


def _listed(entry: _Entry, digest: Hash) -> str:
    """A file's line in the manifest. Apple's format says SHA-1; the signature over it is SHA-256."""
    return f'"{entry.name}":"{digest.hexdigest()}"'


# The zip format (PKWARE's APPNOTE, 4.3): each entry's header and content, then the directory, then its end.

_VERSION, _STORED, _ON_UNIX = 20, 0, 3 << 8
_MIDNIGHT, _NEW_YEAR_2020 = 0, (2020 - 1980) << 9 | 1 << 5 | 1
_REGULAR_FILE = 0o100644 << 16
_COMMON = Struct("<5H").pack(_VERSION, 0, _STORED, _MIDNIGHT, _NEW_YEAR_2020)
_SIZES, _PLACE = Struct("<3I"), Struct("<I")
_END = Struct("<4s4H2IH")


class _Entry:
    """A name in an archive: the parts of its header and of its record in the directory that never change."""

    def __init__(self, name: str) -> None:
        raw = name.encode("ascii")
        self.name = name
        self.before_sizes = b"PK\x03\x04" + _COMMON
        self.after_sizes = Struct("<2H").pack(len(raw), 0) + raw
        self.listed_before_sizes = b"PK\x01\x02" + Struct("<H").pack(_ON_UNIX | _VERSION) + _COMMON
        self.listed_after_sizes = Struct("<5HI").pack(len(raw), 0, 0, 0, 0, _REGULAR_FILE)
        self.raw = raw
        self.header_bytes = len(self.before_sizes) + _SIZES.size + len(self.after_sizes)


@dataclass(frozen=True)
class _Prepared:
    """Entries that every archive begins with, and their lines in the manifest."""

    content: bytes
    directory: bytes
    count: int
    manifest: str


class _Archive:
    """A zip file being written; the content of what was prepared is left to whoever has it."""

    def __init__(self, begun: _Prepared | None = None) -> None:
        self._content: list[bytes] = []
        self._directory = [begun.directory] if begun else []
        self._size = len(begun.content) if begun else 0
        self._count = begun.count if begun else 0

    def add(self, entry: _Entry, content: bytes, crc: int) -> None:
        size = len(content)
        sizes = _SIZES.pack(crc, size, size)
        self._content += (entry.before_sizes, sizes, entry.after_sizes, content)
        place = _PLACE.pack(self._size)
        self._directory += (entry.listed_before_sizes, sizes, entry.listed_after_sizes, place, entry.raw)
        self._size += entry.header_bytes + size
        self._count += 1

    def prepared(self, manifest: str) -> _Prepared:
        return _Prepared(b"".join(self._content), b"".join(self._directory), self._count, manifest)

    def closed(self) -> bytes:
        directory = b"".join(self._directory)
        end = _END.pack(b"PK\x05\x06", 0, 0, self._count, self._count, len(directory), self._size, 0)
        return b"".join([*self._content, directory, end])


def _prepared(files: Mapping[str, bytes]) -> _Prepared:
    archive, manifest = _Archive(), []
    for name, content in files.items():
        entry = _Entry(name)
        archive.add(entry, content, crc32(content))
        manifest.append(_listed(entry, sha1(content)))
    return archive.prepared(",".join(manifest))


PASS_JSON, MANIFEST, SIGNATURE = _Entry("pass.json"), _Entry("manifest.json"), _Entry("signature")
