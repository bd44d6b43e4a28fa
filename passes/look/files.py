"""The files of a look's folder: read whole, no link followed, nothing huge, nothing hidden.

The digest is of their content and names, never of their dates, so a copied folder is the same look.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from . import artwork

_MOST_FILES = 64


_MOST_TOML_BYTES = 256 * 1024


# Counts in the digest: raise it when pictures come out different from the same folder.
_MADE_AS = b"look 3"


def read(folder: Path) -> dict[str, bytes]:
    """Every file of the folder by its path within, read whole. Raises `ConfigError` that names the file."""
    files: dict[str, bytes] = {}
    for path in _walk(folder):
        if len(files) == _MOST_FILES:
            raise ConfigError(f"{folder.name}: more than {_MOST_FILES} files; a look needs a dozen, remove the others.")
        files[path.relative_to(folder).as_posix()] = _read(path, f"{folder.name}/{path.relative_to(folder)}")
    return files


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as wrong:
        raise ConfigError(f"{folder.name}: cannot be read as a folder: {wrong.strerror}.") from None
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _read(path: Path, name: str) -> bytes:
    try:
        # Not blocking, so that a named pipe cannot hold us up before we see that it is one.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as wrong:
        why = "a link to elsewhere; copy the file itself here" if path.is_symlink() else str(wrong.strerror)
        raise ConfigError(f"{name}: {why}.") from None
    with open(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(f"{name}: not an ordinary file; remove it.")
        if about.st_size > artwork.MOST_BYTES:
            raise ConfigError(f"{name}: larger than 8 MB; save it smaller, 1125 pixels wide is plenty.")
        return file.read(artwork.MOST_BYTES + 1)


def toml(folder: Path, name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """One of the files as TOML. Raises `ConfigError` when it is missing, huge or no TOML."""
    source = files.get(name)
    if source is None:
        raise ConfigError(f"{folder.name}/{name} is missing; copy one from another look and change it.")
    if len(source) > _MOST_TOML_BYTES:
        raise ConfigError(f"{folder.name}/{name}: larger than 256 KB; it should be a page of text.")
    try:
        return tomllib.loads(source.decode())
    except UnicodeDecodeError:
        raise ConfigError(f"{folder.name}/{name}: not text in UTF-8; save it with that encoding.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as wrong:
        raise ConfigError(f"{folder.name}/{name} is not valid TOML: {wrong}.") from None


def digest(*folders: Mapping[str, bytes]) -> str:
    """The same for folders with the same files, whatever their dates and places."""
    total = blake2b(_MADE_AS, digest_size=16)
    for files in folders:
        for name, content in sorted(files.items()):
            for part in (name.encode(), content):
                total.update(len(part).to_bytes(8, "big") + part)
        total.update(b"next")
    return total.hexdigest()
