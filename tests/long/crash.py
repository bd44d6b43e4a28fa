"""Kills tills and workers, by SIGKILL, at any instant, and counts what was lost.

    .venv/bin/python -m tests.long.crash --kills 10000
    .venv/bin/python -m tests.long.crash --kills 500 --store postgresql --seed 7

Every trial is a process that sells, undoes, publishes, sweeps and tells phones until it dies: at a random instant,
or at one of the points where dying hurts most. It says through a pipe what it is about to do and what it
was told; the parent then compares that with the store. Printed: kills, acknowledged receipts, how many of them
were lost, doubled or half there, broken invariants, and installations that were never told. All but the first
two must be 0. Several lanes of trials run side by side (`--lanes`, one for each core), each with a database of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import reduce
from multiprocessing import get_context
from operator import add
from typing import Any

from sqlalchemy import event, func
from sqlalchemy import select as query

from passes import sweep
from passes.errors import PassesError
from passes.store import tables as t
from passes.wallets import Outcome, Stale
from tests import servers
from tests.corner_shop import CornerShop, Phonebook, forked

MEMBERS = 6
STEP_SECONDS = 7
LEASE_SECONDS = 5
LONGEST_LIFE_SECONDS = 0.05
POINTS = (
    "any instant",
    "statement",
    "before commit",
    "after commit, before the nudge",
    "between lease and push",
    "between push and settling",
    "in the middle of a touch",
)


@dataclass
class Figures:
    """What a run came to."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    half: int = 0
    broken: int = 0
    never_told: int = 0
    points: Counter[str] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.half or self.broken or self.never_told)

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __str__(self) -> str:
        return (
            f"kills {self.kills}, acknowledged {self.acknowledged}, lost {self.lost}, doubled {self.doubled}, "
            f"half {self.half}, broken invariants {self.broken}, never told {self.never_told}"
        )


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Telling(Phonebook):
    """A wallet in the dying process; what it was told outlives it in the pipe."""

    def __init__(self, says: Callable[..., None], point: str, chance: random.Random) -> None:
        super().__init__()
        self._says, self._point, self._chance = says, point, chance

    def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
        if self._point == "between lease and push" and self._chance.random() < 0.5:
            die()
        outcomes = super().push(batch)
        for stale in batch:
            self._says("told", stale.place, stale.revision.number)
        if self._point == "between push and settling" and self._chance.random() < 0.5:
            die()
        return outcomes


class Doomed:
    """A process that works until it dies at its point."""

    def __init__(self, shop: CornerShop, serials: Sequence[str], pipe: int, point: str, seed: int) -> None:
        self._chance = random.Random(seed)
        self._pipe, self._serials, self._seed = pipe, serials, seed
        # The parent's, without a connection: what it has compiled before need not be compiled for every death.
        self._shop = shop
        self._shop.wallet = Telling(self._says, point, self._chance)
        self._arm(point)

    def works(self) -> None:
        for number in range(10_000):
            act = self._chance.choices((self._sells, self._publishes, self._sweeps, self._tells), (6, 1, 2, 3))[0]
            act(f"{self._seed}-{number}")
        die()

    def _arm(self, point: str) -> None:
        engine, when = self._shop.store.engine, self._chance.randint(1, 60)
        left = iter(range(when, 0, -1))

        def counts(*_: object) -> None:
            if next(left, 1) == 1:
                die()

        if point in ("statement", "in the middle of a touch"):
            event.listen(engine, "before_cursor_execute", counts)
        elif point == "before commit":
            left = iter(range(when // 5 + 1, 0, -1))
            event.listen(engine, "commit", counts)
        elif point == "after commit, before the nudge":
            left = iter(range(when // 10 + 1, 0, -1))
            self._shop.store.nudge = counts
        if point == "in the middle of a touch":
            self._shop.publishes(f"Offer {self._seed}", ends=self._shop.now + 3)

    def _sells(self, receipt: str) -> None:
        serial = self._chance.choice(self._serials)
        orders: list[dict[str, Any]] = [{"total": 1000}, {"redeem": 3}, {"total": 700, "redeem": 2}]
        order = self._chance.choice(orders)
        self._says("tries", receipt, serial, order)
        try:
            answer = self._shop.posts(serial, receipt, **order)
        except PassesError:
            return
        self._says("got", receipt, answer)
        if self._chance.random() < 0.2:
            self._says("undoes", f"U{receipt}", receipt)
            try:
                self._says("got", f"U{receipt}", self._shop.takes_back(receipt, by=f"U{receipt}"))
            except PassesError:
                return

    def _publishes(self, title: str) -> None:
        try:
            self._shop.publishes(title, starts=self._shop.now + 1, ends=self._shop.now + 4)
        except PassesError:
            return

    def _sweeps(self, _: str) -> None:
        sweep.sweep(self._shop.store, self._shop.now, 4)

    def _tells(self, _: str) -> None:
        self._shop.reconciles(limit=4, lease_seconds=LEASE_SECONDS)

    def _says(self, *words: object) -> None:
        os.write(self._pipe, json.dumps(words).encode() + b"\n")


class Trials:
    """One database, one trial after the other."""

    def __init__(self, url: str, seed: int) -> None:
        self.figures = Figures()
        self._chance = random.Random(seed)
        self._shop = CornerShop.open(url)
        self._serials = [self._shop.joins(f"M{number}") for number in range(MEMBERS)]
        for serial in self._serials:
            self._shop.gives(serial, 50)
            for number in range(2):
                self._shop.installs(serial, f"{serial}/{number}")
        self._shop.settles()
        self._told = Counter({place: max(revisions) for place, revisions in self._shop.wallet.told.items()})

    def run(self, kills: int) -> Figures:
        for number in range(kills):
            self._trial(POINTS[number % len(POINTS)])
            if number % 100 == 99:
                self._look_at_everything()
        self._come_to_rest()
        return self.figures

    def close(self) -> None:
        self._shop.close()

    def _trial(self, point: str) -> None:
        seed = self._chance.randrange(2**40)
        # SQLite's own state must not be carried over a fork.
        self._shop.close()
        reads, writes = os.pipe()

        def works() -> None:
            os.close(reads)
            Doomed(self._shop, self._serials, writes, point, seed).works()

        child = forked(works)
        os.close(writes)
        said = _listen(reads, child, self._chance.uniform(0.001, LONGEST_LIFE_SECONDS), point)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != -signal.SIGKILL:
            raise RuntimeError(f"a trial ended by itself with {code}: point {point!r}, seed {seed}")
        self.figures.kills += 1
        self.figures.points[point] += 1
        self._shop.now += STEP_SECONDS
        self._compare(said)

    def _compare(self, said: Sequence[list[Any]]) -> None:
        tried = {words[1]: words for words in said if words[0] in ("tries", "undoes")}
        got = {words[1]: words[2] for words in said if words[0] == "got"}
        for _, place, revision in (words for words in said if words[0] == "told"):
            self._told[place] = max(self._told[place], revision)
        self.figures.acknowledged += len(got)
        for receipt, words in tried.items():
            kept = self._kept(receipt)
            if receipt in got:
                self.figures.lost += not kept
                self.figures.half += bool(kept) and kept[0][0] != got[receipt]
            self.figures.doubled += len(kept) > 1
            self.figures.half += sum(len(answer["entries"]) != postings for answer, postings in kept)
            self._repeats(receipt, words, got.get(receipt))

    def _repeats(self, receipt: str, words: list[Any], answer: dict[str, Any] | None) -> None:
        """A till that got no answer sends the same again, and one that did may too: once in all, the same answer."""
        try:
            if words[0] == "tries":
                again = self._shop.posts(words[2], receipt, **words[3])
            else:
                again = self._shop.takes_back(words[2], by=receipt)
        except PassesError:
            self.figures.lost += answer is not None
            return
        self.figures.half += answer is not None and again != answer
        self.figures.doubled += len(self._kept(receipt)) != 1

    def _kept(self, receipt: str) -> list[tuple[dict[str, Any], int]]:
        postings = query(func.count()).where(t.Posting.receipt_id == t.Receipt.id).scalar_subquery()
        with self._shop.store.reading() as tx:
            rows = tx.execute(query(t.Receipt.answer, postings).where(t.Receipt.receipt == receipt))
            return [(answer, count) for answer, count in rows]

    def _look_at_everything(self) -> None:
        self.figures.broken += len(self._shop.flaws())
        with self._shop.store.reading() as tx:
            for place, pushed, wanted in tx.execute(
                query(t.Installation.place, t.Installation.pushed, t.Installation.wanted)
            ):
                # Marked as told of what nobody told it, or of what there is not.
                self.figures.broken += pushed > self._told[place] or pushed > wanted
            for revision, wanted in tx.execute(
                query(t.Card.revision, t.Installation.wanted).join(t.Installation, t.Installation.card_id == t.Card.id)
            ):
                self.figures.broken += revision != wanted

    def _come_to_rest(self) -> None:
        self._look_at_everything()
        self._shop.now += 60
        self._shop.settles()
        for place, revisions in self._shop.wallet.told.items():
            self._told[place] = max(self._told[place], *revisions)
        for serial in self._serials:
            held = self._shop.held(serial)
            self.figures.broken += held.row.balance != held.revision.card.balance
            for number in range(2):
                self.figures.never_told += self._told[f"{serial}/{number}"] != held.row.revision
        self._look_at_everything()


def _listen(pipe: int, child: int, life_seconds: float, point: str) -> list[list[Any]]:
    """All that the child says until it is dead; one with no point of its own dies after `life_seconds`."""
    heard, deadline, is_killed = b"", None, False
    while True:
        wait = None if is_killed or deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([pipe], [], [], wait)[0]:
            os.kill(child, signal.SIGKILL)
            is_killed = True
            continue
        part = os.read(pipe, 65_536)
        if not part:
            break
        heard += part
        if deadline is None:
            # From its first word on, so that it dies at work and not while it starts.
            deadline = time.monotonic() + (life_seconds if point == POINTS[0] else 5)
    os.close(pipe)
    return [json.loads(line) for line in heard.split(b"\n")[:-1]]


@contextmanager
def database(kind: str) -> Iterator[str]:
    """An empty one."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/passes.db"
        return
    with servers.postgres() as server:
        yield server.create()


def lane(kind: str, kills: int, seed: int) -> Figures:
    """So many trials on a database of their own."""
    with database(kind) as url:
        trials = Trials(url, seed)
        figures = trials.run(kills)
        trials.close()
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--lanes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--store", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    is_clean = True
    # Spawned: a lane forks all its life, so it must have no thread of ours.
    with ProcessPoolExecutor(chosen.lanes, mp_context=get_context("spawn")) as lanes:
        for kind in ("sqlite", "postgresql") if chosen.store == "both" else (chosen.store,):
            began, each = time.monotonic(), -(-chosen.kills // chosen.lanes)
            running = [lanes.submit(lane, kind, each, chosen.seed + number) for number in range(chosen.lanes)]
            figures = reduce(add, [one.result() for one in running])
            seconds = time.monotonic() - began
            print(f"{kind} (seed {chosen.seed}, {seconds:.0f} s): {figures}", flush=True)
            is_clean &= figures.is_clean
    sys.exit(not is_clean)


if __name__ == "__main__":
    main()
