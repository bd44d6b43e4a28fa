"""A file that only a passphrase opens, written and read as a stream.

The key comes from the passphrase by scrypt (128 MB of memory a try), the content is sealed in chunks with
AES-256-GCM. Each chunk's nonce holds its number and whether it is the last, so that chunks cannot be changed,
swapped, dropped or cut off unseen. Nothing is handed out before it is proven.
"""

from __future__ import annotations

import hmac
import io
import os
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from .errors import BadInput

MAGIC = b"PASSES-SEALED-1\n"
SALT_BYTES, PREFIX_BYTES, TAG_BYTES, KEY_BYTES, CHECK_BYTES = 16, 7, 16, 32, 16
CHUNK_BYTES = 256 * 1024
MOST_CHUNKS = 2**32
LEAST_PASSPHRASE = 12
COST, BLOCK, LANES = 2**17, 8, 1


class Sealer(io.RawIOBase):
    """A file to write to; `finish` makes it whole. One that was not finished does not open."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        if len(passphrase) < LEAST_PASSPHRASE:
            raise BadInput(f"A passphrase has at least {LEAST_PASSPHRASE} characters.", field="passphrase")
        salt, prefix = os.urandom(SALT_BYTES), os.urandom(PREFIX_BYTES)
        key, check = _derived(salt, passphrase)
        head = MAGIC + salt + prefix + check
        self._file, self._chunks, self._waiting = file, _Chunks(key, prefix, head), bytearray()
        file.write(head)

    def writable(self) -> bool:
        return True

    def write(self, more: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self._waiting += more
        # One byte more than a chunk must wait: the last chunk is marked, and there is always one.
        while len(self._waiting) > CHUNK_BYTES:
            self._file.write(self._chunks.seal(bytes(self._waiting[:CHUNK_BYTES]), last=False))
            del self._waiting[:CHUNK_BYTES]
        return len(more)

    def finish(self) -> None:
        self._file.write(self._chunks.seal(bytes(self._waiting), last=True))


class Opener(io.RawIOBase):
    """A sealed file to read from; raises BadInput where it is not what was written."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        head = file.read(len(MAGIC) + SALT_BYTES + PREFIX_BYTES + CHECK_BYTES)
        if not head.startswith(MAGIC):
            raise BadInput("This file is not a backup made by this service.")
        salt, rest = head[len(MAGIC) :][:SALT_BYTES], head[len(MAGIC) + SALT_BYTES :]
        prefix, stated = rest[:PREFIX_BYTES], rest[PREFIX_BYTES:]
        if len(stated) < CHECK_BYTES:
            raise BadInput(_DAMAGED)
        key, check = _derived(salt, passphrase)
        if not hmac.compare_digest(check, stated):
            raise BadInput("The passphrase does not open this backup.", field="passphrase")
        self._file, self._chunks = file, _Chunks(key, prefix, head)
        self._next, self._ready = self._read_chunk(), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._ready and self._next:
            self._ready = self._open_next()
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _open_next(self) -> bytes:
        sealed, self._next = self._next, self._read_chunk()
        try:
            opened = self._chunks.open(sealed, last=not self._next)
        except InvalidTag:
            raise BadInput(_DAMAGED) from None
        return opened

    def _read_chunk(self) -> bytes:
        return self._file.read(CHUNK_BYTES + TAG_BYTES)


class _Chunks:
    """The chunks of one file, in order."""

    def __init__(self, key: bytes, prefix: bytes, head: bytes) -> None:
        self._cipher, self._prefix, self._head, self._number = AESGCM(key), prefix, head, 0

    def seal(self, chunk: bytes, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last), chunk, self._head)

    def open(self, sealed: bytes, last: bool) -> bytes:
        return self._cipher.decrypt(self._nonce(last), sealed, self._head)

    def _nonce(self, last: bool) -> bytes:
        if self._number >= MOST_CHUNKS:
            raise BadInput("A backup cannot be this large.")
        number, self._number = self._number, self._number + 1
        return self._prefix + number.to_bytes(4, "big") + bytes([last])


def _derived(salt: bytes, passphrase: str) -> tuple[bytes, bytes]:
    """The key, and what tells a wrong passphrase from a damaged file."""
    scrypt = Scrypt(salt, KEY_BYTES + CHECK_BYTES, COST, BLOCK, LANES)
    both = scrypt.derive(passphrase.encode("utf-8", "surrogateescape"))
    return both[:KEY_BYTES], both[KEY_BYTES:]


_DAMAGED = "This backup is damaged or cut off; nothing of it was used."
