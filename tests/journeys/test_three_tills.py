"""Three tablets in real browsers, each cut off and back at times of its own: every sale counts exactly once."""

from __future__ import annotations

import random
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import func, select

from passes.points import audit
from passes.store import tables as t
from passes.web.staff.app import parts_version
from tests.browser import Site, kept_port, reads, site, until
from tests.desk import KASIA, Shop
from tests.home import empty
from tests.tablet import code_of, comes_back, shows_on_her_phone, tablet

FLOOR, BEGIN, OPERATIONS = 50, 60, 200
QUEUE = f"(await (await import('/till/parts/{parts_version()}/js/till/queue.js')).open()).list()"
# Networks come and go: a browser that hears of one sends what waits, and here it hears of it once a second.
ONLINE = "Math.random() < 0.05 && !dispatchEvent(new Event('online'))"
# A cashier whose thumb is quick: the page's own fields and buttons, one sale after the other.
SELLS = """async (sales) => {
  const part = (name) => document.querySelector(`#counter [data-part=${name}]`);
  const at = (step) => document.getElementById("counter")?.dataset.at === step;
  const until = async (holds, what) => {
    for (let turn = 0; turn < 6000; turn++) {
      if (holds()) return;
      await new Promise((done) => setTimeout(done, 5));
    }
    throw new Error(`in vain: ${what}`);
  };
  const types = (name, value) => {
    const field = part("bill").elements.namedItem(name);
    field.value = value;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  };
  const outcomes = [];
  for (const sale of sales) {
    await until(() => at("scan"), "the next card");
    const code = document.querySelector("#counter #code");
    code.value = sale.code;
    code.form.requestSubmit();
    await until(() => at("card"), "the card");
    types(sale.redeem ? "points" : "amount", String(sale.redeem || sale.total / 100));
    part("count").click();
    await until(() => at("done") || part("quote").matches(".quote-wrong"), "counting");
    if (!at("done")) {
      outcomes.push("refused");
      part("again").click();
      continue;
    }
    if (sale.undo) {
      part("undo").click();
      part("undo-yes").click();
      await until(() => part("done-title").textContent !== "Kept", "undoing");
    }
    outcomes.push(part("done-title").textContent);
    part("next").click();
  }
  return outcomes;
}"""


@dataclass
class Till:
    """One tablet with a connection of its own. `kept` are its sales alone, in the order of its queue."""

    page: Page
    site: Site
    chance: random.Random
    kept: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    withdrawn: int = 0

    def goes_away(self) -> None:
        self.site.goes_down()
        self.page.goto(f"{self.site.url}/staff")
        expect(self.page.locator("#counter")).to_be_visible()

    def starts(self, sales: list[dict[str, Any]]) -> None:
        self.page.evaluate(f"(sales) => {{ window.sold = ({SELLS})(sales); }}", sales)

    def ends(self, sales: list[dict[str, Any]]) -> None:
        outcomes = self.page.evaluate("() => window.sold")
        assert set(outcomes) <= {"Kept", "Taken back", "refused"}
        self.kept += [sale for sale, outcome in zip(sales, outcomes, strict=True) if outcome == "Kept"]
        self.withdrawn += outcomes.count("Taken back")
        self.refused += outcomes.count("refused")

    def returns(self) -> None:
        """Sometimes an answer is lost on the way, sometimes the line breaks again at once."""
        trouble = self.chance.choice(("none", "answer lost", "cut again"))
        if trouble == "answer lost":
            self.page.route("**/staff/sync", _lose, times=1)
        comes_back(self.page, self.site)
        if trouble == "cut again":
            self.site.goes_down()
            self.site.comes_back()
        until(self.page, f"(await {QUEUE}).every((one) => !['waiting', 'sending'].includes(one.state)) || ({ONLINE})")

    def sells_online(self, serial: str, shop: Shop, total: int) -> None:
        self.page.goto(f"{self.site.url}/staff")
        expect(self.page.locator("#code")).to_be_focused()
        self.page.wait_for_load_state("load")
        reads(self.page, code_of(shop, serial))
        self.page.locator("#amount").fill(str(total // 100))
        self.page.get_by_role("button", name="Count it").tap()
        expect(self.page.get_by_role("heading", name="Done")).to_be_visible()

    def states(self) -> list[str]:
        """What the tablet knows of each sale it kept, the oldest first."""
        states: list[str] = self.page.evaluate(f"async () => (await {QUEUE}).map((one) => one.state)")
        return states[::-1]


def _lose(route: Route) -> None:
    route.fetch()
    route.abort()


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("filled_postgres")
        empty(url)
    shop = Shop(tmp_path / "home", store_url=url, till__earns_a_day=1000, till__offline_spend=FLOOR)
    yield shop
    shop.closes()


def test_two_hundred_operations_on_three_tills_count_once_each(shop: Shop, chromium: Browser) -> None:
    chance, done = random.Random(20261127), 0
    members = [shop.has_member(f"Member {number}") for number in range(8)]
    for serial in members:
        shop.desk(KASIA).sells(serial, amount=str(BEGIN))
    expected = dict.fromkeys(members, BEGIN)
    with ExitStack() as opened:
        # Nobody else is to have a port while its server is away.
        ports = [opened.enter_context(kept_port()) for _ in range(3)]
        sites = [opened.enter_context(site(shop.app, port)) for port in ports]
        pages = [opened.enter_context(tablet(shop, each, chromium)) for each in sites]
        tills = [Till(*each, chance) for each in zip(pages, sites, strict=True)]
        while done < OPERATIONS:
            away = chance.sample(tills, chance.choice((2, 3)))
            sold = [[_sale(shop, chance, chance.choice(members)) for _ in range(chance.randint(8, 16))] for _ in away]
            for till, sales in zip(away, sold, strict=True):
                till.goes_away()
                till.starts(sales)
            for till in tills:
                if till not in away:
                    serial, total = chance.choice(members), chance.randint(1, 30) * 100
                    till.sells_online(serial, shop, total)
                    expected[serial] += total // 100
                    done += 1
            for till, sales in zip(away, sold, strict=True):
                till.ends(sales)
                done += len(sales)
            for till in chance.sample(away, len(away)):
                till.returns()
        outcomes = [(sale, state) for till in tills for sale, state in zip(till.kept, till.states(), strict=True)]
    for sale, state in outcomes:
        if state == "sent":
            expected[sale["serial"]] += sale["total"] // 100 - sale["redeem"]
    assert {serial: shop.balance(serial) for serial in members} == expected
    states = Tally(state for _, state in outcomes)
    assert set(states) == {"sent", "conflict"} and all(sale["redeem"] for sale, state in outcomes if state != "sent")
    assert sum(till.withdrawn for till in tills) > 5 and sum(till.refused for till in tills) > 5
    with shop.service.store.reading() as tx:
        queued = Tally(tx.execute(select(t.Queued.outcome)).scalars().all())
        assert queued == {"applied": states["sent"], "conflict": states["conflict"]}
        assert tx.execute(select(func.count()).select_from(t.Conflict)).scalar() == states["conflict"]
        assert list(audit.verify(tx)) == []


def _sale(shop: Shop, chance: random.Random, serial: str) -> dict[str, Any]:
    if chance.random() < 0.7:
        undo = chance.random() < 0.15
        return {
            "serial": serial,
            "code": code_of(shop, serial),
            "total": chance.randint(1, 30) * 100,
            "redeem": 0,
            "undo": undo,
        }
    return {
        "serial": serial,
        "code": shows_on_her_phone(shop, serial),
        "total": 0,
        "redeem": chance.randint(1, FLOOR),
        "undo": False,
    }
