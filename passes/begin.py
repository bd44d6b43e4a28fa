"""What happens once when the service starts: checks, and changes on disk taken up.

Looks and the shop's contact live in files; programmes whose files changed are marked to be drawn again here,
so that every installed card follows.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import programmes, staff
from .errors import Busy, ConfigError
from .service import Service
from .store import schema


def refuse_unless_ready(service: Service) -> None:
    """ConfigError unless the store is there and of this version; then take up what changed on disk."""
    try:
        schema.refuse_unless_current(service.store)
    except Busy:
        raise ConfigError(
            "[store.url] cannot be opened. Check that its server runs, or that the folder of its file exists and may "
            "be written; then start again."
        ) from None
    with service.store.transaction() as tx:
        programmes.refresh(tx, service.look_digests, service.settings.contact, service.now)


def greeting(service: Service, call: str) -> Iterator[str]:
    """Where the three kinds of people begin; `call` is how the command is called for this home."""
    url = service.settings.server.public_url
    with service.store.reading() as tx:
        keys = [programme.key for programme in programmes.all(tx)]
        is_staffed = bool(staff.all(tx))
    yield f"The card service is at {url}"
    for key in keys:
        yield f"  customers   {url}/join/{key}"
    yield f"  staff       {url}/staff"
    yield f"  marketers   {url}/console"
    if not is_staffed:
        yield "Nobody may log in yet. Make a link by which the first person chooses a password:"
        yield f"  {call} staff add you@example.org --role owner --link"
    yield "Stop it with Ctrl-C."
