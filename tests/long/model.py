"""The random lives of programmes (tests/journeys/test_model.py, test_engine_model.py), for as long as you like.

    .venv/bin/python -m tests.long.model --runs 2000 --steps 100
    .venv/bin/python -m tests.long.model --runs 50 --store postgresql

Printed: how many lives were lived and that all accounts agree, or the shortest life after which they do not.
"""

from __future__ import annotations

import argparse
import os

from hypothesis.stateful import run_state_machine_as_test

from tests import servers
from tests.journeys.test_engine_model import ManyRules, ManyRulesOnPostgres
from tests.journeys.test_model import Life, LifeOnPostgres, profile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--store", choices=("sqlite", "postgresql", "both"), default="both")
    chosen = parser.parse_args()
    os.environ["PASSES_TEST_RANDOM"] = "1"
    if chosen.store != "postgresql":
        for machine in (Life, ManyRules):
            run_state_machine_as_test(machine, settings=profile(chosen.runs, chosen.steps))
        print(f"sqlite: {chosen.runs} lives of at most {chosen.steps} steps, all accounts agree")
    if chosen.store != "sqlite":
        with servers.postgres() as server:
            LifeOnPostgres.server = ManyRulesOnPostgres.server = server
            for machine in (LifeOnPostgres, ManyRulesOnPostgres):
                run_state_machine_as_test(machine, settings=profile(chosen.runs, chosen.steps))
        print(f"postgresql: {chosen.runs} lives of at most {chosen.steps} steps, all accounts agree")


if __name__ == "__main__":
    main()
