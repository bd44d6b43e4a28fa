"""What the edges are handed: the settings and the parts made from them, once per process.

Pages, the API, the phones' protocol and the command line all work on one `Service`. It holds no state of
its own; two processes with the same home hold equal ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import reconcile, sweep
from .config import Settings
from .links import Links
from .look import Look
from .members import Members
from .secrets import Secrets
from .store import Store
from .wallets import Wallet
from .words import Catalogue
from .work import Round, Worker, open_queue

if TYPE_CHECKING:
    from .wallets.apple import Apple
    from .wallets.ecard import ECard


@dataclass(frozen=True)
class Service:
    settings: Settings
    store: Store
    secrets: Secrets
    members: Members
    looks: Mapping[str, Look]
    words: Catalogue
    links: Links
    ecard: ECard
    apple: Apple | None
    clock: Callable[[], float]

    @property
    def now(self) -> int:
        """Whole seconds since 1970."""
        return int(self.clock())

    @property
    def wallets(self) -> Mapping[str, Wallet]:
        """Every wallet that is set up here, by name."""
        offered: list[Wallet] = [self.ecard, *([self.apple] if self.apple else [])]
        return {wallet.name: wallet for wallet in offered}

    @property
    def look_digests(self) -> dict[str, str]:
        return {name: look.digest for name, look in self.looks.items()}

    def worker(self) -> Worker:
        """The background rounds over this service."""
        queue = open_queue(self.settings.work.queue, self.settings.home)
        worker = Worker(queue, [self._sweeping(), self._reconciling()], self.clock)
        # In the worker's process too: what the sweep draws is told at once, not when the clock comes by.
        self.store.nudge = worker.nudge_soon
        return worker

    def _sweeping(self) -> Round:
        def next_due() -> int | None:
            with self.store.reading() as tx:
                return sweep.next_due(tx)

        return Round("sweep", lambda: sweep.sweep(self.store, self.now), next_due)

    def _reconciling(self) -> Round:
        work = self.settings.work
        wallets = self.wallets

        def step() -> int:
            return reconcile.reconcile(self.store, wallets, self.now, work.batch, work.lease_seconds)

        def next_due() -> int | None:
            with self.store.reading() as tx:
                return reconcile.next_due(tx, wallets)

        return Round("reconcile", step, next_due)
