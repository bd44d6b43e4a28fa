"""Everything that makes a service this service, in one sealed file: store, keys, templates, settings.

Written while the service runs, from one consistent look at the store. Restored into an empty place only,
all of it or nothing: into a folder beside the wanted one, which takes its name when the ledger has been
verified. Phones may hold newer cards than the backup knows, so every restored card gets a revision
higher than any that was ever told, and every installation is stale: phones come and learn what is true.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from sqlalchemy import MetaData, case, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError

from . import config, dump
from .config import Settings
from .errors import BadInput, Conflict
from .points import audit
from .sealed import CHUNK_BYTES, Opener, Sealer
from .secrets import Secrets
from .store import Connection, Store, schema
from .store import tables as t

FORMAT = 1
REVISIONS_SKIPPED = 10_000
HEAD, CHECKSUMS = "backup.json", "checksums.json"
FOLDERS = ("certs", "templates")

MOST_ENTRY_BYTES = 64 * 1024**2
MOST_ENTRIES = 2_000_000
# Rows and pictures never pack better than this; whatever claims to was made to fill the disk.
MOST_GROWTH, GROWTH_FREE_BYTES = 100, 256 * 1024**2
_NAME = re.compile(r"(?:home|tables)(?:/(?!\.\.?(?:/|$))[^/\x00-\x1f\\]{1,120}){1,8}")

Progress = Callable[[int], None]
"""Told how many rows were dealt with since it was last told."""


def _silent(_rows: int) -> None:
    """Nobody watches."""


class RestoreFailed(Conflict):
    """What the backup holds is not sound; nothing was kept of it."""

    code = "restore_failed"


@dataclass(frozen=True)
class Made:
    """What a backup holds."""

    made: int
    schema: str
    rows: int


@dataclass
class _Seen:
    """What has come out of an archive so far."""

    sums: dict[str, str] = field(default_factory=dict)
    bytes: int = 0


def write(
    settings: Settings, store: Store, file: Path, passphrase: str, now: int, progress: Progress = _silent
) -> Made:
    """Back up into `file`, which must not exist; it appears when it is whole."""
    schema.refuse_unless_current(store)
    if file.exists():
        raise Conflict(f"{file} exists already; choose another name.")
    with _replacing(file) as target, store.reading() as tx:
        sealer = Sealer(target, passphrase)
        made = Made(now, schema.newest(), dump.count(tx))
        with (
            gzip.GzipFile(filename="", mode="wb", compresslevel=3, fileobj=cast(BinaryIO, sealer)) as packed,
            tarfile.open(fileobj=packed, mode="w|") as archive,
        ):
            _fill(archive, settings, tx, made, progress)
        sealer.finish()
    return made


def restore(file: Path, folder: Path, passphrase: str, now: int, progress: Progress = _silent) -> Made:
    """Make `folder` the home that was backed up; raises without leaving anything behind."""
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty; restore into a new folder and move it afterwards.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made = _restore(file, staging, passphrase, now, progress)
        if folder.exists():
            folder.rmdir()
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return made


def verify(file: Path, passphrase: str, now: int, progress: Progress = _silent) -> Made:
    """Restore it into a folder of no lasting, with a store of its own; raises what is wrong."""
    with tempfile.TemporaryDirectory(prefix="passes-verify-") as folder:
        return _restore(file, Path(folder), passphrase, now, progress, f"sqlite:///{folder}/verify.db")


def _fill(archive: tarfile.TarFile, settings: Settings, tx: Connection, made: Made, progress: Progress) -> None:
    sums: dict[str, str] = {}

    def add(name: str, body: bytes, mode: int = 0o600) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = len(body), mode, made.made
        archive.addfile(entry, BytesIO(body))
        sums[name] = hashlib.sha256(body).hexdigest()

    head = {"format": FORMAT, "made": made.made, "schema": made.schema, "rows": made.rows}
    add(HEAD, json.dumps(head).encode())
    for path in _files(settings.home):
        add(f"home/{path.relative_to(settings.home)}", path.read_bytes(), path.stat().st_mode & 0o700)
    for number, part in enumerate(dump.parts(tx)):
        add(f"tables/{number:06d}-{part.table}", part.body)
        progress(part.body.count(b"\n"))
    add(CHECKSUMS, json.dumps(sums).encode())


def _files(home: Path) -> Iterator[Path]:
    """What people made or would miss; what can be made again (drawn images, the queue) stays out."""
    yield home / config.FILE
    for folder in FOLDERS:
        yield from sorted(path for path in (home / folder).rglob("*") if path.is_file())


def _restore(
    file: Path, home: Path, passphrase: str, now: int, progress: Progress, store_url: str | None = None
) -> Made:
    try:
        with file.open("rb") as sealed:
            most = MOST_GROWTH * file.stat().st_size + GROWTH_FREE_BYTES
            entries = _entries(Opener(sealed, passphrase), most)
            return _build(entries, home, now, progress, store_url)
    except (LookupError, TypeError, ValueError, SQLAlchemyError) as wrong:
        # Whoever knows the passphrase may have written anything.
        raise RestoreFailed(f"The backup is damaged inside ({type(wrong).__name__}); nothing was restored.") from wrong
    except OSError as wrong:
        raise RestoreFailed(f"{file.name} cannot be restored: {wrong.strerror or 'it is damaged'}.") from None


def _build(
    entries: Iterator[tuple[str, bytes]], home: Path, now: int, progress: Progress, store_url: str | None
) -> Made:
    made = _head(next(entries, ("", b"")))
    name, body = "", b""
    for name, body in entries:
        if not name.startswith("home/"):
            break
        _put(home / name.removeprefix("home/"), body)
    Secrets.read(home / "certs" / "service.keys")
    settings = config.load(home)
    store = Store(store_url or settings.database(settings.store.url))
    try:
        _fill_store(store, made, _chained((name, body), entries), now, progress)
    finally:
        store.close()
    return made


def _fill_store(store: Store, made: Made, entries: Iterator[tuple[str, bytes]], now: int, progress: Progress) -> None:
    with store.reading() as tx:
        if inspect(tx).get_table_names():
            raise Conflict(
                "The database of the restored settings is not empty; name an empty one in PASSES_STORE__URL."
            )
    try:
        schema.upgrade(store, made.schema)
        with store.transaction() as tx:
            _write_rows(tx, made, entries, progress)
        schema.upgrade(store)
        with store.transaction() as tx:
            _refuse_flaws(tx)
            _leap(tx, made, now)
    except BaseException:
        _clear(store)
        raise


def _write_rows(tx: Connection, made: Made, entries: Iterator[tuple[str, bytes]], progress: Progress) -> None:
    writer, rows = dump.Writer(tx), 0
    for name, body in entries:
        written = writer.write(dump.Part(name.partition("-")[2], body))
        progress(written)
        rows += written
    writer.finish()
    if rows != made.rows:
        raise RestoreFailed(f"The backup should hold {made.rows} rows but has {rows}; nothing was restored.")


def _refuse_flaws(tx: Connection) -> None:
    flaw = next(audit.verify(tx), None)
    if flaw is not None:
        raise RestoreFailed(
            f"The ledger in the backup {flaw.what} (programme {flaw.programme_id}, posting {flaw.seq}); "
            "nothing was restored. Use an older backup."
        )


def _leap(tx: Connection, made: Made, now: int) -> None:
    """No revision may name another content than phones were told: go beyond all they can have seen.

    The time since the backup is part of the step, so that restoring the same one again leaps further than the
    first restore can have counted meanwhile.
    """
    step = REVISIONS_SKIPPED + max(0, now - made.made)
    later = t.Card.modified + 1
    modified = case((later > now, later), else_=now)
    tx.execute(update(t.Card).values(revision=t.Card.revision + step, modified=modified))
    newest = select(t.Card.revision).where(t.Card.id == t.Installation.card_id).scalar_subquery()
    stale = {"wanted": newest, "pushed": 0, "due": now, "bulk": True, "lease": None, "attempts": 0, "why": None}
    tx.execute(update(t.Installation).values(stale | {"set_aside": False}))


def _clear(store: Store) -> None:
    """Take back the tables we made in a database that was empty."""
    with store.transaction() as tx:
        ours = MetaData()
        ours.reflect(tx)
        ours.drop_all(tx)


def _head(entry: tuple[str, bytes]) -> Made:
    name, body = entry
    if name != HEAD:
        raise RestoreFailed("This is not a backup: its first entry is missing.")
    head = json.loads(body)
    if head["format"] > FORMAT or head["schema"] > schema.newest():
        raise RestoreFailed("This backup was made by a newer version of this service; install that version.")
    return Made(head["made"], head["schema"], head["rows"])


def _entries(opener: Opener, most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Every entry but the checksums, which are compared at the end."""
    seen = _Seen()
    try:
        with tarfile.open(fileobj=cast(BinaryIO, opener), mode="r|gz") as archive:
            for entry in archive:
                body = _body(archive, entry, seen, most_bytes)
                if entry.name == CHECKSUMS:
                    _compare(json.loads(body), seen.sums)
                    _read_to_the_end(opener)
                    return
                seen.sums[entry.name] = hashlib.sha256(body).hexdigest()
                yield entry.name, body
    except (tarfile.TarError, zlib.error, EOFError) as wrong:
        raise RestoreFailed(f"The backup is damaged inside ({type(wrong).__name__}); nothing was restored.") from None
    raise RestoreFailed("The backup ends before its checksums; nothing was restored.")


def _read_to_the_end(opener: Opener) -> None:
    """What follows is only padding, but a file that lost its end is not the one that was written."""
    while opener.read(CHUNK_BYTES):
        pass


def _body(archive: tarfile.TarFile, entry: tarfile.TarInfo, seen: _Seen, most_bytes: int) -> bytes:
    known = entry.name in (HEAD, CHECKSUMS) or _NAME.fullmatch(entry.name)
    if not known or not entry.isreg() or entry.name in seen.sums:
        raise RestoreFailed("The backup holds something that is not ours (a strange path, a link, a name twice).")
    seen.bytes += entry.size
    if entry.size > MOST_ENTRY_BYTES or seen.bytes > most_bytes or len(seen.sums) >= MOST_ENTRIES:
        raise RestoreFailed("The backup would unpack to more than a backup holds; nothing was restored.")
    file = archive.extractfile(entry)
    return file.read() if file else b""


def _compare(stated: dict[str, str], found: dict[str, str]) -> None:
    if stated != found:
        wrong = sorted(name for name in {*stated, *found} if stated.get(name) != found.get(name))
        raise RestoreFailed(f"The checksum of {wrong[0]} does not agree; nothing was restored.")


def _chained(first: tuple[str, bytes], rest: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    if first[0].startswith("tables/"):
        yield first
    for name, body in rest:
        if not name.startswith("tables/"):
            raise RestoreFailed("The backup's entries are out of order.")
        yield name, body


def _put(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.name == "certs":
        path.parent.chmod(0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(body)


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    """The file whole or not at all, for our eyes only."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    except OSError as wrong:
        raise BadInput(f"{file.parent} cannot be written to: {wrong.strerror}.") from None
    try:
        with os.fdopen(handle, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        os.link(name, file)
    finally:
        os.unlink(name)
