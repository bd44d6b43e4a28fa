"""A new home: the folder with everything that belongs to one shop's service.

It holds config.toml, certs/, templates/ (the shop's own copies, to change as they like) and, unless another
store is chosen, the database. Nothing that exists is ever overwritten.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from . import config, look, programmes
from .definition import Definition
from .errors import ConfigError
from .secrets import Secrets
from .store import Store, schema

KEYS = "service.keys"


def templates() -> Path:
    """Where the templates lie that new homes copy: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "_templates"
    return installed if installed.is_dir() else package.parent / "templates"


def page_words(own: Path) -> tuple[Path, Path]:
    """Folders with the words of pages, for a home whose templates lie in `own`; the later one wins.

    What the home's copies do not say yet, because they are older than this version, the shipped ones do.
    """
    return templates() / "pages" / "words", own / "pages" / "words"


def create(folder: Path, now: int) -> None:
    """Make `folder` a home with an example programme; raises ConfigError when it is one already."""
    if (folder / config.FILE).exists():
        raise ConfigError(f"{folder} is a home already; choose another folder or use it with --home {folder}")
    _copy(folder)
    Secrets.create(folder / "certs" / KEYS)
    settings = config.load(folder)
    store = Store(settings.database(settings.store.url))
    try:
        schema.upgrade(store)
        _add_example(store, settings, now)
    finally:
        store.close()


def _copy(folder: Path) -> None:
    source = templates()
    (folder / "certs").mkdir(parents=True, exist_ok=True)
    # The database names the members; nobody else on this machine needs to see it.
    for private in (folder, folder / "certs"):
        private.chmod(0o700)
    ignored = shutil.ignore_patterns("home", "*.py", "__pycache__")
    shutil.copytree(source, folder / "templates", ignore=ignored, dirs_exist_ok=True)
    shutil.copy(source / "home" / config.FILE, folder / config.FILE)


def _add_example(store: Store, settings: config.Settings, now: int) -> None:
    looks = look.gallery(settings.home / "templates" / "cards", settings.home / "var" / "looks")
    digests = {name: found.digest for name, found in looks.items()}
    with store.transaction() as tx:
        if not programmes.all(tx):
            programmes.create(tx, EXAMPLE, digests, settings.contact, now, settings.shop.time_zone)


EXAMPLE = Definition.model_validate(
    {
        "key": "cafe",
        "name": {"en": "Coffee Club", "ru": "Кофейный клуб", "pl": "Klub Kawowy"},
        "look": "cafe",
        "currency": "PLN",
        "earn": {"points": 1, "per": 100, "rounding": "down"},
        "welcome": 10,
        "worth_of_one": 5,
        "expire_days": 365,
        "tiers": [
            {"key": "silver", "name": {"en": "Silver", "ru": "Серебро", "pl": "Srebro"}, "threshold": 200},
            {"key": "gold", "name": {"en": "Gold", "ru": "Золото", "pl": "Złoto"}, "threshold": 1000},
        ],
        "rewards": [
            {"key": "espresso", "name": {"en": "Espresso", "ru": "Эспрессо", "pl": "Espresso"}, "cost": 80},
            {"key": "breakfast", "name": {"en": "Breakfast", "ru": "Завтрак", "pl": "Śniadanie"}, "cost": 250},
        ],
        "terms": {
            "en": "1 point for every 1 zł. Points are valid for 365 days. One point is worth 5 gr.",
            "ru": "1 балл за каждый 1 zł. Баллы действуют 365 дней. Один балл стоит 5 грошей.",
            "pl": "1 punkt za każdy 1 zł. Punkty są ważne 365 dni. Jeden punkt jest wart 5 gr.",
        },
    }
)
