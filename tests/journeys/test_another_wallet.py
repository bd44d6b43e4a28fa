"""A further wallet is one folder and one line: pages, API, worker and till need not know of it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from passes import WALLETS, assemble, cards, installations, web
from passes.members import Person
from passes.points import receipts
from passes.points.orders import Order
from tests.cast import Indoors
from tests.fakes.paper_wallet import Paper
from tests.home import new_home


def test_a_wallet_more_is_offered_told_and_served(tmp_path: Path) -> None:
    service = assemble(new_home(tmp_path / "home"), wallets=(*WALLETS, "tests.fakes.paper_wallet"))
    app, paper = web.build(service), cast(Paper, service.wallets["paper"])
    line = Indoors(app)
    with service.store.transaction() as tx:
        serials = [
            service.members.join(tx, "cafe", Person(language, "Anna"), service.now).serial for language in ("en", "pl")
        ]
    with service.store.reading() as tx:
        anna, polish = (cards.by_serial(tx, serial) for serial in serials)

    page = service.ecard.link(anna.revision)
    assert "Add to Paper Pocket" in line("GET", str(page), {}).body.decode()
    assert "Paper Pocket" not in line("GET", str(service.ecard.link(polish.revision)), {}).body.decode()
    got = line("GET", f"{page}/wallet/paper", {})
    assert got.status == 303 and line("GET", got.headers["Location"], {}).body.startswith(b"Print ")

    with service.store.transaction() as tx:
        held = cards.by_serial(tx, anna.serial, lock=True)
        now_ms = service.now * 1000
        installations.add(tx, held.id, held.row.revision, "paper", "pocket", "", now=service.now, now_ms=now_ms)
    with service.store.transaction() as tx:
        receipts.post(tx, cards.by_serial(tx, anna.serial, lock=True), Order("R1", total=5000), service.now)
    service.worker().run_until_idle()
    assert paper.printed == {"pocket": 50}
    for wallet in service.wallets.values():
        wallet.close()
    service.store.close()
