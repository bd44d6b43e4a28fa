"""The shop that is measured: a home with a look of 60 KB, and as many members as a bench asks for.

A home with its filled store is made once per size and kept in `bench/results/homes/`; whoever writes to it asks
for a copy. Rows are what the service itself would write (serials, codes, faces, digests), but inserted by the
raw driver, because a million members through the front door would take an hour.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from PIL import Image
from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import sqlite

from passes import assemble, codes, contacts, names, programmes
from passes.card import digest
from passes.cards import proof
from passes.members import Person
from passes.service import Service
from passes.store import Store, schema
from passes.store import tables as t
from passes.wallets.apple import Apple
from tests import home as homes

from .figures import RESULTS

CHUNK = 20_000
NAMES = ("Anna", "Bartek", "Celina", "Daria", "Emil", "Franek", "Gosia", "Hania", "Igor", "Julia", "Kamil", "Lena")
# So much of the café's picture as makes a pass of 60 KB.
PICTURE_SHARE = 0.4


def kept_home(members: int) -> Path:
    """A home with so many members, each with a card on one phone that knows its newest revision. Not to be written."""
    folder = RESULTS / "homes" / str(members)
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"  making a home with {members:,} members", flush=True)
        make_home(folder)
        fill(folder, members)
        (folder / "ready").touch()
    _bring_up_to_date(folder)
    return folder


def _bring_up_to_date(folder: Path) -> None:
    """A home that was kept since an earlier version of the tables."""
    store = Store(f"sqlite:///{folder / 'passes.db'}")
    if schema.version(store) != schema.newest():
        schema.upgrade(store)
    store.close()


@contextmanager
def home(members: int, **settings: Any) -> Iterator[Path]:
    """A copy of such a home, with settings of its own, gone afterwards."""
    source = kept_home(members)
    with TemporaryDirectory(prefix="passes-bench-") as folder:
        copy = Path(folder) / "home"
        shutil.copytree(source, copy, symlinks=True)
        write_settings(copy, **settings)
        yield copy


def copy_without_store(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("*.db*"))


def make_home(folder: Path, **settings: Any) -> None:
    """A home with one programme and nobody in it."""
    homes.new_home(folder)
    (folder / "templates").unlink()
    shutil.copytree(homes.TEMPLATES, folder / "templates", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    _lighten(folder / "templates" / "cards" / "cafe" / "strip.png")
    write_settings(folder, **settings)


def write_settings(folder: Path, **settings: Any) -> None:
    """config.toml anew: what every measured service has, and `settings` by their variables' names."""
    (folder / "config.toml").unlink(missing_ok=True)
    unlimited = {"limits__api": "9999999/second", "limits__join": "9999999/second", "limits__log": "9999999/second"}
    apple = {f"apple__{key}": value for key, value in homes.APPLE.items()}
    homes._write(folder, homes.SHOP | {"server__public_url": homes.PUBLIC_URL} | unlimited | apple | settings)


def service(folder: Path) -> Service:
    return assemble(folder)


@dataclass(frozen=True)
class Seat:
    """What the outside knows of a member's card: what a phone and a till have."""

    id: int
    serial: str
    number: str
    code: str
    token: str
    device: str
    push_token: str
    revision: int
    modified: int


def seats(service: Service, limit: int, step: int = 1) -> list[Seat]:
    """Cards with their phones, spread over the store."""
    columns = (t.Card.id, t.Card.serial, t.Card.number, t.Card.code, t.Card.nonce, t.Card.key_id, t.Card.revision)
    query = select(*columns, t.Card.modified, t.Installation.place, t.Installation.address)
    query = query.join(t.Installation, t.Installation.card_id == t.Card.id).where(t.Card.id % step == 0)
    with service.store.reading() as tx:
        rows = tx.execute(query.order_by(t.Card.id).limit(limit)).all()
    token = cast(Apple, service.wallets["apple"]).token
    return [
        Seat(
            r.id,
            r.serial,
            r.number,
            r.code,
            token(r.serial, r.nonce, r.key_id),
            r.place,
            r.address,
            r.revision,
            r.modified,
        )
        for r in rows
    ]


def fill(folder: Path, members: int) -> None:
    """So many members with a card and a phone each, by the raw driver."""
    here = assemble(folder)
    with here.store.transaction() as tx:
        # The lighter look is taken up as at a start of the service, before any card shows it.
        programmes.refresh(tx, here.look_digests, here.settings.contact, here.now)
        tx.execute(delete(t.Touch))
        here.members.join(tx, "cafe", Person("en", "Model Member", email(1), "+48600100200"), here.now)
    with here.store.reading() as tx:
        member, card = (dict(tx.execute(select(row)).one()._mapping) for row in (t.Member, t.Card))
    here.store.close()
    file = here.settings.database(here.settings.store.url).removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            database.execute(f"PRAGMA {pragma}")
        for first in range(2, members + 1, CHUNK):
            rows = [_rows(here, member, card, id) for id in range(first, min(first + CHUNK, members + 1))]
            database.execute("BEGIN")
            for place, table in enumerate((t.Member, t.Card, t.Installation)):
                _insert(database, table, [row[place] for row in rows])
            _insert(database, t.NameWord, [word for member, *_ in rows for word in _name_words(member)])
            database.execute("COMMIT")
        _insert(database, t.Installation, [_installation(card)])
        database.execute("ANALYZE")
        database.execute("PRAGMA journal_mode=WAL")


def email(id: int) -> str:
    """The address of the member with this row number."""
    return f"member.{id}@example.org"


def _insert(database: sqlite3.Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = insert(t.table(table)).values(dict.fromkeys(rows[0]))
    text = str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark")))
    names = statement.compile(dialect=sqlite.dialect(paramstyle="qmark")).positiontup or []
    database.executemany(text, ([row[name] for name in names] for row in rows))


def _rows(here: Service, member: dict[str, Any], card: dict[str, Any], id: int) -> tuple[dict[str, Any], ...]:
    """A member, a card and a phone like the model's, each of its own."""
    key_id, code_id = card["key_id"], secrets.token_bytes(codes.ID_BYTES)
    serial, number = secrets.token_urlsafe(16), f"{700_000_000_000 + id * 13}"
    name = f"{NAMES[id % len(NAMES)]} {_surname(id)}"
    code = codes.make(code_id, proof(here.secrets, key_id))
    face = card["face"].replace(card["serial"], serial).replace(card["number"], number)
    face = face.replace(card["code"], code).replace(member["name"], name)
    public_id, address = secrets.token_hex(16), email(id)
    person = {"id": id, "public_id": public_id, "name": name}
    person |= {
        "email_sealed": contacts.seal(here.secrets, address, public_id, key_id),
        "email_hash": contacts.lookup_hash(here.secrets, address, key_id),
        "phone_sealed": None,
        "phone_hash": None,
    }
    own = {"id": id, "member_id": id, "serial": serial, "number": number, "code_id": code_id, "code": code}
    drawn = {"nonce": secrets.token_bytes(16), "face": face, "digest": digest(face), "fetched": card["revision"]}
    fresh = card | own | drawn
    return member | person, fresh, _installation(fresh)


def _name_words(member: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"member_id": member["id"], "word": word} for word in names.words(member["name"])]


def _installation(card: dict[str, Any]) -> dict[str, Any]:
    """A phone that was told of the card's newest revision."""
    return {
        "id": card["id"],
        "card_id": card["id"],
        "wallet": "apple",
        "place": secrets.token_hex(16),
        "address": secrets.token_hex(32),
        "registered": card["created"],
        "wanted": card["revision"],
        "pushed": card["revision"],
        "bulk": False,
        "due": None,
        "lease": None,
        "attempts": 0,
        "why": None,
        "set_aside": False,
        "changed_ms": None,
        "pushed_ms": None,
    }


def _surname(id: int) -> str:
    """A different one for nearly everybody."""
    letters = "abcdefghiklmnoprstuwz"
    text, rest = "", id * 2_654_435_761 % 2**32
    while rest:
        rest, place = divmod(rest, len(letters))
        text += letters[place]
    return text.capitalize()


def _lighten(file: Path) -> None:
    with Image.open(file) as picture:
        whole = picture.convert("RGB")
    flat = Image.new("RGB", whole.size, whole.getpixel((0, 0)))
    flat.paste(whole.crop((0, 0, int(whole.width * PICTURE_SHARE), whole.height)))
    flat.save(file)
