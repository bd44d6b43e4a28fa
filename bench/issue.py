"""A whole process that issues passes: `python -m bench.issue HOME TIMES FOLDER`; `passes` measures it from outside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

from sqlalchemy import select

from passes import assemble, cards
from passes.store import tables as t
from passes.wallets.apple import Apple


def main() -> None:
    home, times, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    service = assemble(home)
    apple = cast(Apple, service.wallets["apple"])
    with service.store.reading() as tx:
        for serial in tx.execute(select(t.Card.serial).order_by(t.Card.id).limit(times)).scalars():
            issued = apple.issue(cards.by_serial(tx, serial).revision)
            (folder / f"{serial}.pkpass").write_bytes(issued.body)


if __name__ == "__main__":
    main()
