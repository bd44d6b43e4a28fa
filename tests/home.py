"""A home for a test: settings, keys, throw-away certificates, tables and one programme, in a moment.

What is slow to make (RSA keys, pictures, tables) is made once per run and copied. The programme gives nothing
for joining and one point for each złoty, so that a test can count in its head.
"""

from __future__ import annotations

import atexit
import json
import shutil
import sqlite3
import time
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from passes import config, look, programmes
from passes.definition import Definition
from passes.secrets import Secrets
from passes.store import Store, schema
from passes.store.tables import Base
from passes.wallets.apple import enrolment

TEMPLATES = Path(__file__).parents[1] / "templates"
PUBLIC_URL = "https://cards.example.org"
PROGRAMME = Definition.model_validate(
    {
        "key": "cafe",
        "name": {"en": "Coffee Club", "ru": "Кофейный клуб", "pl": "Klub Kawowy"},
        "look": "cafe",
        "earn": {"points": 1, "per": 100},
        "worth_of_one": 5,
        "tiers": [{"key": "gold", "name": {"en": "Gold", "ru": "Золото", "pl": "Złoto"}, "threshold": 1000}],
        "rewards": [{"key": "espresso", "name": {"en": "Espresso", "ru": "Эспрессо", "pl": "Espresso"}, "cost": 80}],
        "terms": {"en": "One point for each złoty."},
    }
)
SHOP = {"shop__name": "Corner Café", "shop__email": "hello@cafe.example.org"}
APPLE = {"certificate": "certs/pass.pem", "key": "certs/pass.key", "wwdr": "certs/wwdr.pem"}


def new_home(folder: Path, *, store_url: str | None = None, apple: bool = True, **overrides: Any) -> Path:
    """A home in `folder`. Settings by their variables' names: new_home(tmp_path, apple__apns_url=apns.url)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "templates").symlink_to(TEMPLATES)
    shutil.copytree(_model() / "var", folder / "var")
    shutil.copytree(_certs(), folder / "certs")
    Secrets.create(folder / "certs" / "service.keys")
    chosen = SHOP | {"server__public_url": PUBLIC_URL}
    if apple:
        chosen |= {f"apple__{key}": value for key, value in APPLE.items()}
    if store_url:
        chosen["store__url"] = store_url
    _write(folder, chosen | overrides)
    settings = config.load(folder)
    url = settings.database(settings.store.url)
    if url.startswith("sqlite"):
        shutil.copy(_filled_file(), url.removeprefix("sqlite:///"))
    else:
        fill(url)
    return folder


def fill(url: str) -> None:
    """Make the tables and the programme, unless they are there."""
    store = Store(url)
    try:
        schema.upgrade(store)
        with store.transaction() as tx:
            if not programmes.all(tx):
                settings = config.load(_model())
                programmes.create(tx, PROGRAMME, _looks(settings), settings.contact, int(time.time()))
    finally:
        store.close()


def empty(url: str) -> None:
    """As after `fill`: cheaper than a new database of PostgreSQL."""
    store = Store(url)
    try:
        with store.transaction() as tx:
            names = ", ".join(table.name for table in Base.metadata.sorted_tables)
            # Past the guard that keeps postings for ever.
            tx.exec_driver_sql("SET LOCAL session_replication_role = replica")
            tx.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    finally:
        store.close()
    fill(url)


def dev_root() -> Path:
    """The root above every test's certificate."""
    return _certs() / "dev-root.pem"


def _write(folder: Path, chosen: dict[str, Any]) -> None:
    sections: dict[str, list[str]] = {}
    for name, value in chosen.items():
        section, _, key = name.partition("__")
        written = str(value) if isinstance(value, Path) else value
        sections.setdefault(section, []).append(f"{key} = {json.dumps(written)}")
    text = "\n".join(line for section, lines in sections.items() for line in (f"[{section}]", *lines))
    (folder / config.FILE).write_text(text + "\n", "utf-8")


def _looks(settings: config.Settings) -> dict[str, str]:
    looks = look.gallery(settings.home / "templates" / "cards", settings.home / "var" / "looks")
    return {name: found.digest for name, found in looks.items()}


@cache
def _certs() -> Path:
    folder = _kept_folder() / "certs"
    folder.mkdir(mode=0o700)
    enrolment.make_dev(folder, int(time.time()))
    return folder


@cache
def _model() -> Path:
    """A home with the looks as they were read."""
    folder = _kept_folder()
    (folder / "templates").symlink_to(TEMPLATES)
    _write(folder, SHOP)
    _looks(config.load(folder))
    return folder


@cache
def _filled_file() -> Path:
    file = _model() / "passes.db"
    fill(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


def _kept_folder() -> Path:
    """Kept while this process runs."""
    folder = Path(mkdtemp(prefix="passes-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
