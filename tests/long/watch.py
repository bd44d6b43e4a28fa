"""Fourteen schemes in a hundred thousand honest receipts, several times over.

.venv/bin/python -m tests.long.watch
"""

from __future__ import annotations

import time

from tests.unit.test_watch import tried

RECEIPTS, RUNS = 100_000, 5


def main() -> None:
    for seed in range(RUNS):
        begun = time.perf_counter()
        found, share = tried(RECEIPTS, seed)
        seconds = time.perf_counter() - begun
        missed = [name for name, is_seen in found.items() if not is_seen]
        print(f"seed {seed}: {sum(found.values())} of {len(found)} seen, false {share:.2%}, {seconds:.1f} s; {missed}")


if __name__ == "__main__":
    main()
