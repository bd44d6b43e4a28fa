"""Somebody new practises at the till: it looks the same, and nothing real is touched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from passes import practice
from passes.store import tables as t
from passes.store.tables import Base
from tests.desk import KASIA, MAREK, Shop
from tests.home import empty

OWN = ("staff_session", "tries")
"""Logins are real."""


def everything(shop: Shop) -> dict[str, list[Any]]:
    with shop.service.store.reading() as tx:
        tables = [table for table in Base.metadata.sorted_tables if table.name not in OWN]
        return {table.name: sorted(map(repr, tx.execute(select(table)).all())) for table in tables}


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_whole_training_leaves_the_live_store_as_it_was(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("filled_postgres") if engine == "postgresql" else None
    if url:
        empty(url)
    shop = Shop(tmp_path / "home", store_url=url)
    live = shop.has_member("Real Person")
    code = shop.held(live).revision.card.code
    before = everything(shop)
    kasia = shop.desk(KASIA)
    kasia.opens("/staff")
    kasia.opens(kasia.sends("/staff/practice", {}).location)
    assert "Nothing here is real" in kasia.says
    kasia.scans(code)
    assert "No card has this number" in kasia.says and kasia.opens(f"/staff/cards/{live}").status_code == 404
    kasia.opens("/staff")
    (number, *_) = re.findall(r">([0-9]{12})<", kasia.page)
    kasia.scans(number)
    assert "Card is valid" in kasia.says and "Nothing here is real" in kasia.says
    serial = re.findall(r"/staff/cards/([\w-]+)/quote", kasia.page)[0]
    kasia.sells(serial, points="20")
    done = kasia.sells(serial, amount="50").request.path
    assert "50 points" in kasia.says
    kasia.opens(f"{done}/undo")
    kasia.sends(f"{done}/undo", {})
    kasia.opens("/staff/join")
    kasia.sends("/staff/join", {"receipt": kasia.field("receipt"), "programme": "cafe", "about": "Nobody"})
    assert everything(shop) == before
    kasia.opens("/staff")
    kasia.opens(kasia.sends("/staff/practice/end", {}).location)
    assert "Nothing here is real" not in kasia.says
    after = everything(shop)
    assert {name for name in after if after[name] != before[name]} == {"staff"}
    assert kasia.opens(f"/staff/cards/{live}").status_code == 200
    boss = shop.desk(MAREK)
    boss.opens("/staff/manage/people")
    assert "trained" in boss.says
    shop.closes()


def test_who_stops_half_way_is_not_trained_and_managers_pages_stay_live(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "home")
    boss = shop.desk(MAREK)
    boss.opens("/staff")
    boss.sends("/staff/practice", {})
    boss.opens("/staff/manage/tills")
    boss.sends("/staff/manage/tills", {"name": "Counter 1", "location": "Old Town"})
    boss.opens("/staff")
    boss.sends("/staff/practice/end", {})
    with shop.service.store.reading() as tx:
        assert tx.execute(select(t.Till.name)).scalars().all() == ["Counter 1"]
        assert tx.execute(select(t.Staff.trained).where(t.Staff.trained.is_not(None))).all() == []
    assert (shop.home / "var" / practice.FILE).exists()
    shop.closes()


def test_the_browser_is_told_whether_somebody_practises(tmp_path: Path) -> None:
    """Its pages must know it without a connection, too."""
    shop = Shop(tmp_path / "home")
    kasia = shop.desk(KASIA)
    kasia.opens("/staff")
    assert kasia.client.get_cookie("till-practice") is None
    kasia.sends("/staff/practice", {})
    assert kasia.client.get_cookie("till-practice") is not None
    kasia.opens("/staff")
    kasia.sends("/logout", {})
    assert kasia.client.get_cookie("till-practice") is None
    shop.closes()
