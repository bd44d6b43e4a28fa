"""A service with Google Wallet switched on, and a Google that it reaches, for the stories about both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select

from passes import cards, programmes, reconcile, revisions
from passes import service as inner
from passes.definition import Definition
from passes.points import receipts, returns
from passes.store import Row
from passes.store import tables as t
from passes.wallets.google import Google
from tests.cast import Answer, Indoors, Member, Service, minutes
from tests.fakes.google.fake import FakeGoogle
from tests.fakes.google.phone import Phone
from tests.home import new_home

FAST = 500
"""Requests a second, where a story is not about the pace."""


class GoogleShop(Service):
    """The service, with what a story asks of its Google side."""

    google: FakeGoogle

    @property
    def wallet(self) -> Google:
        return cast(Google, self.inner.wallets["google"])

    def link(self, member: Member) -> str:
        """The save link behind the button on her card's page."""
        return str(self.wallet.issue(member.revision).url)

    def object_id(self, member: Member) -> str:
        return self.wallet.object_id(member.revision)

    def saves(self, member: Member, phone: Phone | None = None) -> Phone:
        """She taps the button and says yes."""
        phone = phone or self.google.phone(f"{member.serial}@example.org")
        assert phone.saves(self.link(member)) == [self.object_id(member)]
        return phone

    def known(self, member: Member) -> Row:
        query = select(t.GoogleObject).where(t.GoogleObject.id == self.object_id(member))
        with self.inner.store.reading() as tx:
            return tx.execute(query).one()

    def places(self, member: Member) -> int:
        """In how many Google places her card is told of."""
        return sum(1 for each in self.installations() if each.place == self.object_id(member))

    def gets(self, url: str) -> Answer:
        return Indoors(self.app)("GET", url, {})

    def page(self, member: Member) -> Answer:
        """Her e-card."""
        return self.gets(str(self.inner.ecard.link(member.revision)))

    def follows(self, member: Member) -> Answer:
        """She taps the button for Google."""
        return self.gets(f"{self.inner.ecard.link(member.revision)}/wallet/google")

    def settles(self) -> None:
        """Time goes by until nothing is due any more."""
        for _ in range(20):
            self.reconciles(after=minutes(10))
            if not [each for each in self.installations() if each.due is not None]:
                return
        raise AssertionError([each.why for each in self.installations() if each.due is not None])

    def amends(self, **rules: Any) -> None:
        """Other rules for its programme, from now on."""
        with self.inner.store.transaction() as tx:
            programme = programmes.find(tx, "cafe")
            said = programme.definition.model_dump(mode="json", exclude_unset=True) | rules
            programmes.amend(tx, programme, Definition.model_validate(said), self.now)

    def undoes(self, receipt: str) -> None:
        with self.inner.store.transaction() as tx:
            original = receipts.find(tx, receipt)
            held = cards.find(tx, "id", original.card_id, lock=True)
            assert held is not None
            returns.reverse(tx, held, original, f"undo {receipt}", self.now)

    def revokes(self, member: Member) -> None:
        """Her links were seen by somebody else."""
        with self.inner.store.transaction() as tx:
            held = cards.by_serial(tx, member.serial, lock=True)
            cards.revoke_links(tx, held)
            revisions.record(tx, held.id, self.now)

    def leases_and_dies(self, worker: inner.Service) -> None:
        """A worker takes a batch and is heard of no more."""
        with worker.store.transaction() as tx:
            reconcile._lease(tx, ["google"], "dead", self.now, 10, 60)

    def hears(self, url: str, body: bytes) -> int:
        """Google's callbacks come in by the public address."""
        return Indoors(self.app)("POST", url, {"Content-Type": "application/json"}, body).status


def settings(google: FakeGoogle, folder: Path, rate: int = FAST) -> dict[str, Any]:
    """The settings by which a home reaches this Google."""
    file = folder / "google.json"
    if not file.exists():
        google.service_account().write(file)
    return {
        "google__issuer_id": google.issuer_id,
        "google__service_account": str(file),
        "google__api_url": google.url,
        "google__token_url": google.token_url,
        "google__keys_url": google.keys_url,
        "google__rate": rate,
    }


@contextmanager
def opened(google: FakeGoogle, folder: Path, store_url: str | None = None, **more: Any) -> Iterator[GoogleShop]:
    home = new_home(folder / "home", store_url=store_url, **settings(google, folder) | more)
    shop = GoogleShop(home)
    shop.google = google
    google.callbacks.deliver = shop.hears
    try:
        yield shop
    finally:
        shop.closes()
