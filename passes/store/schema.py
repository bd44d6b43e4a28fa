"""Brings the tables to the state this version of the service expects, or says that they are not.

Changes are Alembic migrations in `migrations/versions/`, named by number; all that are missing run in one
transaction, so an interrupted upgrade leaves the old state.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from ..errors import ConfigError
from . import Store

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(store: Store, to: str = "head") -> None:
    """Apply every migration that is missing, up to the one numbered `to`; a new database gets all of them."""
    # Alembic takes a second to import, which only this command should pay.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.transaction(rebuilds=True) as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, to)
    # The connection that checked nothing meanwhile must not be used again.
    store.close()


def refuse_unless_current(store: Store) -> None:
    """A ConfigError when the tables are of another version than the code."""
    found = version(store)
    if found is None:
        raise ConfigError("The store has no tables yet; run: passes db upgrade")
    if found < newest():
        raise ConfigError("The tables are of an older version of this service; run: passes db upgrade")
    if found > newest():
        raise ConfigError("The tables are of a newer version of this service; install that version.")


def newest() -> str:
    """The number of the last migration."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def version(store: Store) -> str | None:
    """The number of the last migration that was applied; None for a database without our tables."""
    with store.reading() as tx:
        if not inspect(tx).has_table("alembic_version"):
            return None
        found = tx.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None
