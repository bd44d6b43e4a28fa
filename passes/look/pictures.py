"""Pictures that were prepared once, kept in a folder until what they were made of changes.

Each set is one file under the digest of all it was made of, so nothing is ever out of date; deleting the folder
only costs the time to prepare them again. A damaged or half-written file is passed over, and a full disk is no
reason to stop.
"""

from __future__ import annotations

import os
import threading
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path


def kept(folder: Path | None, digest: str) -> dict[str, bytes] | None:
    """The pictures kept under this digest, by name."""
    if folder is None:
        return None
    try:
        with zipfile.ZipFile(folder / f"{digest}.zip") as stored:
            return {name: stored.read(name) for name in stored.namelist()}
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError):
        return None


def keep(folder: Path | None, digest: str, images: Mapping[str, bytes]) -> None:
    """Written aside and renamed: another process never reads half of it."""
    if folder is None:
        return
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as stored:
        for name, image in images.items():
            stored.writestr(name, image)
    aside = folder / f"{digest}.{os.getpid()}.{threading.get_ident()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(packed.getvalue())
        aside.replace(folder / f"{digest}.zip")
    except OSError:
        with suppress(OSError):
            aside.unlink()
