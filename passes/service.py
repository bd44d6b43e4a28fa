"""What the edges are handed: the settings and the parts made from them, once per process.

Pages, the API, the phones' protocol and the command line all work on one `Service`. It holds no state of
its own; two processes with the same home hold equal ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from . import friends, reconcile, sweep
from .config import Settings
from .links import Links
from .look import Look
from .members import Members
from .reminders import giving, schedule
from .secrets import Secrets
from .store import Store
from .wallets import Resident
from .words import Catalogue, Words
from .work import Round, Soon, Worker


@dataclass(frozen=True)
class Service:
    settings: Settings
    store: Store
    secrets: Secrets
    members: Members
    looks: Mapping[str, Look]
    words: Catalogue
    links: Links
    wallets: Mapping[str, Resident]
    """Every wallet that is set up here, by name."""
    clock: Callable[[], float]

    @property
    def now(self) -> int:
        """Whole seconds since 1970."""
        return int(self.clock())

    @property
    def ecard(self) -> Resident:
        """The wallet that everybody has."""
        return self.wallets["ecard"]

    @property
    def look_digests(self) -> dict[str, str]:
        return {name: look.digest for name, look in self.looks.items()}

    def words_in(self, language: str, look: str | None = None) -> Words:
        """Our words, with those of a look laid over them."""
        return self._spoken.get(look or "", self.words)[language]

    @cached_property
    def _spoken(self) -> Mapping[str, Catalogue]:
        return {name: self.words.over(look.words) for name, look in self.looks.items()}

    def worker(self) -> Worker:
        """The background rounds over this service."""
        # Most processes that look at a service never nudge anybody.
        from .nudges import open_queue

        queue = open_queue(self.settings.work.queue, self.settings.home)
        own = [round for wallet in self.wallets.values() for round in wallet.rounds()]
        worker = Worker(
            queue, [self._sweeping(), self._thanking(), self._reminding(), *self._reconciling(), *own], self.clock
        )
        # In the worker's process too: what the sweep draws is told at once, not when the clock comes by.
        self.store.nudge = worker.nudge_soon
        return worker

    def nudging(self) -> Callable[[], None]:
        """What wakes the workers when this process is none; the queue is opened for the first nudge."""
        return Soon(lambda: self.worker().nudge())

    def _sweeping(self) -> Round:
        def next_due() -> int | None:
            with self.store.reading() as tx:
                return sweep.next_due(tx)

        return Round("sweep", lambda: sweep.sweep(self.store, self.now), next_due)

    def _thanking(self) -> Round:
        def next_due() -> int | None:
            with self.store.reading() as tx:
                return friends.next_due(tx)

        return Round("friends", lambda: friends.settle(self.store, self.members.contacts_of, self.now), next_due)

    def _reminding(self) -> Round:
        def next_due() -> int | None:
            with self.store.reading() as tx:
                return schedule.next_due(tx)

        return Round("reminders", lambda: giving.settle(self.store, self.now), next_due)

    def _reconciling(self) -> list[Round]:
        """For the wallets that are told in a moment, two rounds: no purchase waits until a batch of a campaign is told.

        One more for each wallet that takes its time.
        """
        quick = {name: wallet for name, wallet in self.wallets.items() if wallet.most_at_once is None}
        slow = [wallet for wallet in self.wallets.values() if wallet.most_at_once is not None]
        return [
            self._telling("reconcile", quick, reconcile.URGENT),
            self._telling("reconcile bulk", quick, reconcile.BULK),
            *(self._telling(f"reconcile {wallet.name}", {wallet.name: wallet}) for wallet in slow),
        ]

    def _telling(
        self, name: str, wallets: Mapping[str, Resident], kinds: Sequence[bool] = reconcile.URGENT_THEN_BULK
    ) -> Round:
        work = self.settings.work
        limit = min([work.batch, *(wallet.most_at_once for wallet in wallets.values() if wallet.most_at_once)])

        def step() -> int:
            return reconcile.reconcile(self.store, wallets, self.now, limit, work.lease_seconds, kinds)

        def next_due() -> int | None:
            with self.store.reading() as tx:
                return reconcile.next_due(tx, wallets, kinds)

        return Round(name, step, next_due)
