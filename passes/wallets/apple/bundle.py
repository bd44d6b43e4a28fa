"""Packs passes: a `Template` is prepared once per look and signer, `build` makes a member's .pkpass.

One technique: whatever many members share is finished before the first of them comes. Pictures are zip
entries with their checksums already computed; pass.json is written once for all cards with the same fields and
only its blanks are filled; the words that a programme's members share are kept as the beginning of each
`pass.strings`, together with the state of its SHA-1 and CRC-32, and a member's own sentences are only appended.
What is left per pass is a few short hashes and one signature. Stamp cards differ in their strip as well: those that
are equally full share one, and a beginning that is finished like any other.

Nothing is compressed (pictures already are) and every entry bears the same date, so equal cards give equal
bytes but for the signature and its time. Reads no file; threads may share a template.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from hashlib import sha1
from struct import Struct
from typing import NamedTuple, Protocol
from zlib import crc32

from ...card import Card
from ...errors import BadInput
from ...look import Look
from ...look.stampcard import Places, StampCards, places
from ...words import Catalogue, Words
from . import strings
from .front import is_stamped
from .model import Pass, Texts
from .render import Issuer, Shared, Style, alike, draw, render, shape, share, style_of

MEDIA_TYPE = "application/vnd.apple.pkpass"
MEDIA_TYPE_MANY = "application/vnd.apple.pkpasses"
MOST_PASSES = 10
MOST_BYTES = 150_000_000
MOST_SHEETS = 512
MOST_SETS = 128

SCALES = {"1x": "", "2x": "@2x", "3x": "@3x"}


class Signs(Protocol):
    def sign(self, manifest: bytes, at: int) -> bytes:
        """The detached signature of these bytes."""


class Template:
    """Makes the passes of one look for one issuer."""

    def __init__(self, look: Look, issuer: Issuer, signer: Signs, stamp_cards: StampCards | None = None) -> None:
        self._look, self._issuer, self._signer = look, issuer, signer
        self._stamp_cards = stamp_cards or StampCards()
        self._words = Catalogue(look.words)
        self._spoken: Mapping[str, Words] = dict(self._words)
        self._pictures: dict[_Seen, _Pictures] = {}
        self._sheets: dict[Hashable, _Sheet] = {}

    def build(self, card: Card, token: str, link: str, at: int, friends: str = "") -> bytes:
        """The member's .pkpass, signed at `at`.

        `token` lets phones ask for it again, `link` is the card's web page, `friends` where the member's friends join.
        """
        return self.beginning(card) + self.rest(card, token, link, at, friends)

    def beginning(self, card: Card) -> bytes:
        """What the pass begins with: its pictures. They are the same for many, so whoever keeps passes need not."""
        return self._pictures_of(self._seen(card)).written.content

    def rest(self, card: Card, token: str, link: str, at: int, friends: str = "") -> bytes:
        """The member's .pkpass from where its `beginning` ends: far less to keep, for whoever keeps many."""
        sheet = self._sheet(card)
        own = render(card, sheet.shared, self._spoken, self._issuer, token, link, friends)
        return sheet.drawn(card, link, friends).create(own.values, own.lines, sheet, at)

    def _sheet(self, card: Card) -> _Sheet:
        seen = self._seen(card)
        key = (alike(card), seen)
        sheet = self._sheets.get(key)
        if sheet is None:
            if len(self._sheets) >= MOST_SHEETS:
                self._sheets.clear()
            shared = share(card, self._look, self._words, self._issuer)
            sheet = self._sheets[key] = _Sheet(shared, self._pictures_of(seen), self._signer)
        return sheet

    def _seen(self, card: Card) -> _Seen:
        style = style_of(card, self._look)
        return _Seen(style, places(card.stamps) if card.stamps and is_stamped(card, style.images) else None)

    def _pictures_of(self, seen: _Seen) -> _Pictures:
        found = self._pictures.get(seen)
        if found is None:
            if len(self._pictures) >= MOST_SETS:
                self._pictures.clear()
            strip = self._stamp_cards.strip(self._look, seen.stamps) if seen.stamps else {}
            found = self._pictures[seen] = _packed(pictures({**self._look.images, **strip}, seen.style))
        return found


class _Seen(NamedTuple):
    """What decides which pictures a pass has."""

    style: Style
    stamps: Places | None


def pictures(images: Mapping[str, bytes], style: Style) -> dict[str, bytes]:
    """The images that a style shows, under Apple's names."""
    found = {}
    for name in style.images:
        for scale, suffix in SCALES.items():
            if image := images.get(f"{name}@{scale}"):
                found[f"{name}{suffix}.png"] = image
    return found


def bundle_many(passes: Sequence[bytes]) -> bytes:
    """Several .pkpass in one .pkpasses, for a person with several cards."""
    if not 1 <= len(passes) <= MOST_PASSES:
        raise BadInput(f"A .pkpasses file holds 1 to {MOST_PASSES} passes, not {len(passes)}; send several files.")
    whole = _Archive([_Entry(f"{at}.pkpass") for at in range(1, len(passes) + 1)]).filled(passes)
    if len(whole) > MOST_BYTES:
        raise BadInput("These passes are larger than 150 MB together; send them one by one.")
    return whole


class _Pictures(NamedTuple):
    """A set of pictures as the beginning of archives, and its lines in the manifest."""

    written: _Written
    listed: Sequence[str]


def _packed(images: Mapping[str, bytes]) -> _Pictures:
    entries = [_Entry(name) for name in images]
    listed = [_listed(entry, entry.sha1(images[entry.name])) for entry in entries]
    return _Pictures(_Archive(entries).written(list(images.values())), listed)


class _Sheet:
    """A programme's pass, ready but for the member: what `model.Pass.create` is packed by."""

    def __init__(self, shared: Shared, pictures: _Pictures, signer: Signs) -> None:
        self.shared = shared
        self._signer = signer
        self._drawn: dict[Hashable, Pass] = {}
        self._files = [_words(language, lines) for language, lines in shared.lines.items()] + [PASS_JSON]
        # Apple's format says SHA-1; the signature over it is SHA-256.
        self._manifest = f"{{{','.join([*pictures.listed, *(_listed(file, '%s') for file in self._files)])}}}"
        self._archive = _Archive([*self._files, MANIFEST, SIGNATURE], pictures.written)

    def drawn(self, card: Card, link: str, friends: str) -> Pass:
        """The pass of all cards that have the same fields as this one."""
        key = shape(card, self.shared.style, link, friends)
        drawn = self._drawn.get(key)
        if drawn is None:
            drawn = self._drawn[key] = draw(card, self.shared, link, friends)
        return drawn

    def pack(self, pass_json: bytes, texts: Texts, at: int) -> bytes:
        files = [*map(strings.encode, texts.values()), pass_json]
        manifest = (self._manifest % tuple(map(_Entry.sha1, self._files, files))).encode()
        files += (manifest, self._signer.sign(manifest, at))
        return self._archive.filled(files)


def _words(language: str, lines: str) -> _Entry:
    return _Entry(f"{language}.lproj/pass.strings", strings.BOM + strings.encode(lines))


def _listed(entry: _Entry, digest: str) -> str:
    """A file's line in the manifest."""
    return f'"{entry.name}":"{digest}"'


# The zip format (PKWARE's APPNOTE, 4.3): each entry's header and content, then the directory, then its end.

_VERSION, _STORED, _ON_UNIX = 20, 0, 3 << 8
_MIDNIGHT, _NEW_YEAR_2020 = 0, (2020 - 1980) << 9 | 1 << 5 | 1
_REGULAR_FILE = 0o100644 << 16
_COMMON = Struct("<5H").pack(_VERSION, 0, _STORED, _MIDNIGHT, _NEW_YEAR_2020)
_CHECKED, _PLACE = Struct("<3I"), Struct("<I")
_END = Struct("<4s4H2IH")


class _Entry:
    """A file of an archive. Its `beginning` is what never changes; the rest comes when the archive is filled."""

    def __init__(self, name: str, beginning: bytes = b"") -> None:
        raw = name.encode("ascii")
        self.name = name
        self.size = len(beginning)
        self.crc = crc32(beginning)
        self._sha1 = sha1(beginning)
        opening, about = Struct("<2H").pack(len(raw), 0), Struct("<5HI").pack(len(raw), 0, 0, 0, 0, _REGULAR_FILE)
        # Blank where checksum and sizes come, and then the rest of the content here, the entry's place there.
        self.local = (b"PK\x03\x04" + _COMMON, b"", opening + raw + beginning, b"")
        self.central = (b"PK\x01\x02" + Struct("<H").pack(_ON_UNIX | _VERSION) + _COMMON, b"", about, b"", raw)
        self.bytes = sum(map(len, self.local)) + _CHECKED.size

    def sha1(self, rest: bytes) -> str:
        digest = self._sha1.copy()
        digest.update(rest)
        return digest.hexdigest()


class _Written(NamedTuple):
    """Entries that are finished: their bytes, their records in the directory, and how many they are."""

    content: bytes
    directory: bytes
    entries: int


_NOTHING = _Written(b"", b"", 0)


class _Archive:
    """A zip file of these entries, to be filled many times; what is `before` them is written already."""

    def __init__(self, entries: Sequence[_Entry], before: _Written = _NOTHING) -> None:
        self._entries, self._before = entries, before
        self._local = [part for entry in entries for part in entry.local]
        self._central = [part for entry in entries for part in entry.central]
        self._bytes = sum(entry.bytes for entry in entries)

    def written(self, rests: Sequence[bytes]) -> _Written:
        """The entries, each with the rest of its content."""
        local, central = self._parts(rests)
        return _Written(b"".join(local), b"".join(central), len(self._entries))

    def filled(self, rests: Sequence[bytes]) -> bytes:
        """The archive from where `before` ends."""
        local, central = self._parts(rests)
        directory, count = b"".join((self._before.directory, *central)), self._before.entries + len(self._entries)
        place = len(self._before.content) + self._bytes + sum(map(len, rests))
        end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), place, 0)
        return b"".join((*local, directory, end))

    def _parts(self, rests: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The pieces of the entries and of their records; checksum and sizes stand in both."""
        checked, places, place = [], [], len(self._before.content)
        for entry, rest in zip(self._entries, rests, strict=True):
            size = entry.size + len(rest)
            checked.append(_CHECKED.pack(crc32(rest, entry.crc), size, size))
            places.append(_PLACE.pack(place))
            place += entry.bytes + len(rest)
        local, central = self._local.copy(), self._central.copy()
        local[1::4], local[3::4] = checked, rests
        central[1::5], central[3::5] = checked, places
        return local, central


PASS_JSON, MANIFEST, SIGNATURE = _Entry("pass.json"), _Entry("manifest.json"), _Entry("signature")
