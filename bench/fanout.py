"""A process that tells so many phones: `python -m bench.fanout HOME APNS_URL APNS_CA HOW_MANY`; prints its memory."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from sqlalchemy import func, select, update

from passes.store import tables as t

from . import shop


def main() -> None:
    home, url, ca, many = sys.argv[1:]
    os.environ |= {"PASSES_APPLE__APNS_URL": url, "PASSES_APPLE__APNS_CA": ca}
    service = shop.service(Path(home))
    stale = update(t.Installation).where(t.Installation.card_id <= int(many))
    with service.store.reading() as tx:
        # Fill the store's own cache, which has a fixed size, so that what grows is what waiting costs.
        tx.execute(select(func.sum(func.length(t.Card.face)))).scalar()
    with service.store.transaction() as tx:
        told = tx.execute(stale.values(pushed=0, due=service.now, bulk=True)).rowcount
    worker = service.worker()
    began = time.perf_counter()
    worker.run_until_idle()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"told": told, "seconds": seconds, "peak": peak}))


if __name__ == "__main__":
    main()
