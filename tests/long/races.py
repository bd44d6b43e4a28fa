"""Two to sixteen tills at one card with points for one of them, again and again, on both databases.

    .venv/bin/python -m tests.long.races --races 20000

Half of the races are for the points of one card, half send one receipt several times at once. Printed: races,
double spends, receipts with more than one effect or two different answers, and flaws of the ledger; all
but the first must be 0.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from passes.errors import NotEnoughPoints
from tests.corner_shop import CornerShop
from tests.long.crash import database

MOST_TILLS = 16


def race(shop: CornerShop, tills: ThreadPoolExecutor, chance: random.Random, number: int) -> tuple[int, int]:
    """One race; how many double spends and how many doubled receipts came of it."""
    how_many = chance.choice((2, 2, 3, 4, 8, MOST_TILLS))
    start = Barrier(how_many)
    anna = shop.joins(f"M{number}")
    shop.gives(anna, 100)
    is_for_points = number % 2 == 0

    def goes() -> Any:
        start.wait(60)
        try:
            return shop.posts(anna, None if is_for_points else f"R{number}", redeem=100)
        except NotEnoughPoints:
            return None

    told = [future.result() for future in [tills.submit(goes) for _ in range(how_many)]]
    if is_for_points:
        return sum(answer is not None for answer in told) - 1, shop.balance(anna) != 0
    return 0, told != [told[0]] * how_many or shop.balance(anna) != 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--races", type=int, default=20_000)
    parser.add_argument("--store", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    is_clean = True
    for kind in ("sqlite", "postgresql") if chosen.store == "both" else (chosen.store,):
        with database(kind) as url, ThreadPoolExecutor(MOST_TILLS) as tills:
            shop, chance, began = CornerShop.open(url), random.Random(chosen.seed), time.monotonic()
            spent, doubled = 0, 0
            for number in range(chosen.races):
                more_spent, more_doubled = race(shop, tills, chance, number)
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
