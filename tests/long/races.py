"""Two to sixteen tills at one card with points for one of them, again and again, on both databases.

    .venv/bin/python -m tests.long.races --races 20000
    .venv/bin/python -m tests.long.races --races 500 --store postgresql --seed 7

The tills are threads of two processes, all let go by one barrier. Half of the races are for the points of one card,
half send one receipt several times at once. Printed: races, double spends, receipts with more than one effect
or two different answers, and flaws of the ledger; all but the first must be 0.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from passes.errors import NotEnoughPoints
from tests.corner_shop import CornerShop
from tests.long.crash import database

SIZES = (2, 2, 3, 4, 8, 16)
PROCESSES = 2
START_SECONDS = 60
forking = get_context("fork")


def tills(url: str, starts: dict[int, Barrier], orders: Connection) -> None:
    """A process of tills: one order after the other says who races for what, and how many of them stand here."""
    shop = CornerShop.at(url)

    def goes(start: Barrier, serial: str, receipt: str | None) -> Any:
        start.wait(START_SECONDS)
        try:
            return shop.posts(serial, receipt, redeem=100)
        except NotEnoughPoints:
            return None

    with ThreadPoolExecutor(max(SIZES)) as threads:
        while order := orders.recv():
            serial, receipt, size, here = order
            running = [threads.submit(goes, starts[size], serial, receipt) for _ in range(here)]
            orders.send([one.result() for one in running])


@contextmanager
def staffed(url: str) -> Iterator[list[Connection]]:
    """Processes with tills, and the line to each."""
    starts = {size: forking.Barrier(size) for size in set(SIZES)}
    lines = [forking.Pipe() for _ in range(PROCESSES)]
    processes = [forking.Process(target=tills, args=(url, starts, far)) for _, far in lines]
    for process in processes:
        process.start()
    try:
        yield [near for near, _ in lines]
    finally:
        for near, _ in lines:
            near.send(None)
        for process in processes:
            process.join()


def race(shop: CornerShop, lines: list[Connection], chance: random.Random, number: int) -> tuple[int, int]:
    """One race; how many double spends and how many doubled receipts came of it."""
    size = chance.choice(SIZES)
    anna = shop.joins(f"M{number}")
    shop.gives(anna, 100)
    is_for_points = number % 2 == 0
    for place, line in enumerate(lines):
        here = len(range(place, size, len(lines)))
        line.send((anna, None if is_for_points else f"R{number}", size, here))
    told = [answer for line in lines for answer in line.recv()]
    if is_for_points:
        return sum(answer is not None for answer in told) - 1, shop.balance(anna) != 0
    return 0, told != [told[0]] * size or shop.balance(anna) != 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--races", type=int, default=20_000)
    parser.add_argument("--store", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    is_clean = True
    for kind in ("sqlite", "postgresql") if chosen.store == "both" else (chosen.store,):
        with database(kind) as url:
            shop, chance, began = CornerShop.open(url), random.Random(chosen.seed), time.monotonic()
            # Neither a connection nor a thread may be carried over into the processes of tills.
            shop.close()
            spent, doubled = 0, 0
            with staffed(url) as lines:
                for number in range(chosen.races):
                    more_spent, more_doubled = race(shop, lines, chance, number)
                    spent, doubled = spent + abs(more_spent), doubled + more_doubled
            flaws = len(shop.flaws())
            shop.close()
            print(
                f"{kind} (seed {chosen.seed}, {time.monotonic() - began:.0f} s): races {chosen.races}, "
                f"double spends {spent}, doubled receipts {doubled}, flaws {flaws}",
                flush=True,
            )
            is_clean &= not (spent or doubled or flaws)
    sys.exit(not is_clean)


if __name__ == "__main__":
    main()
