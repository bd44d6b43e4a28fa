"""The service's own keys, and every secret derived from them.

`certs/service.keys` holds named 256-bit keys, one a line; the last is used for new secrets, the older
ones keep what was issued under them alive. Tokens, link keys and code proofs are HMACs under
distinct labels, so none of them is stored and a copy of the database yields none. Losing the file orphans
every installed card: it is never made silently, and `backup` keeps it apart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from .errors import ConfigError

KEY_BYTES = 32
NONCE_BYTES = 16


class Secrets:
    """Derives secrets; `current` names the key that new cards use."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self.current = list(self._keys)[-1]

    @classmethod
    def read(cls, path: Path) -> Secrets:
        """The keys in the file, or a ConfigError that says what is wrong with it."""
        try:
            _refuse_loose(path)
            lines = path.read_text("ascii").split("\n")
        except FileNotFoundError:
            raise ConfigError(
                f"{path.name} is missing from {path.parent.name}/. Put it back from your backup: without it no "
                "installed card can be updated. Only a new home gets new keys, by `passes init`."
            ) from None
        except (OSError, UnicodeDecodeError) as wrong:
            raise ConfigError(f"{path.name} cannot be read: {type(wrong).__name__}.") from None
        keys = [_key(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
        if not keys or len(dict(keys)) != len(keys):
            raise ConfigError(f"{path.name} must hold at least one key, and each under a name of its own.")
        return cls(dict(keys))

    @staticmethod
    def create(path: Path) -> None:
        """A new file with one new key; refuses to touch an existing one."""
        line = f"k1 {base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(line)

    def derive(self, label: str, *parts: bytes, key_id: str | None = None) -> bytes:
        """32 bytes bound to a label and parts; the same inputs give the same bytes for ever."""
        key = self._keys.get(key_id or self.current)
        if key is None:
            raise ConfigError(f"service.keys lacks the key {key_id}; put it back from your backup.")
        message = b"".join([len(part).to_bytes(4, "big") + part for part in (label.encode(), *parts)])
        return hmac.digest(key, message, hashlib.sha256)

    def ids(self) -> list[str]:
        """The names of all keys, the current one first."""
        return list(reversed(self._keys))

    def holds(self, key_id: str) -> bool:
        return key_id in self._keys


def url_text(raw: bytes) -> str:
    """Bytes as text that needs no escaping in a URL."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def same(left: str, right: str) -> bool:
    """Equality in constant time, for any text (`hmac.compare_digest` refuses non-ASCII str)."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


def _key(path: Path, number: int, line: str) -> tuple[str, bytes]:
    name, _, text = line.strip().partition(" ")
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if not name or len(key) != KEY_BYTES:
        raise ConfigError(f"{path.name}, line {number}: expected a name, a space and {KEY_BYTES} bytes in base64.")
    return name, key


def _refuse_loose(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path.name} can be read by others on this machine; run: chmod 600 {path.name}")
