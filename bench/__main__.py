"""`python -m bench NAME [--quick]`: run one bench, or `all`; `figures` writes docs/figures.md and the plots."""

from __future__ import annotations

import argparse
import importlib
import sys

from . import figures

BENCHES = (
    *("passes", "http", "lookups", "receipts", "engine", "replay", "push", "follow", "campaign", "memory"),
    *("poll", "google", "scan", "till"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure this service; see bench/README.md.")
    parser.add_argument("name", choices=[*BENCHES, "all", "figures"])
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; shows that it runs")
    given = parser.parse_args()
    if given.name == "figures":
        from . import plots

        plots.draw()
        figures.write()
        return 0
    for name in BENCHES if given.name == "all" else (given.name,):
        report = figures.Report(name, given.quick)
        print(f"{name}:", flush=True)
        importlib.import_module(f"bench.{name}").run(report)
        report.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
