"""Tills that were enrolled, with the people who work at them: what a tablet on a counter has, and nothing else.

`Counter` is a device with a browser; `Alone` is what its page keeps while there is no connection: numbered actions
that it sends as they are.
"""

from __future__ import annotations

import re
import secrets
import uuid
from typing import Any

from werkzeug.test import TestResponse

from passes import pins, staff
from tests.desk import KASIA, MAREK, Desk, Shop

PINS = {KASIA: "2580", MAREK: "741309"}


class Counter(Desk):
    """A device that a manager made a till."""

    def __init__(self, shop: Shop, name: str = "Counter 1", location: str = "Old Town") -> None:
        super().__init__(shop.app.test_client())
        self.shop = shop
        self.boss = shop.desk(MAREK)
        self.boss.opens("/staff/manage/tills")
        made = self.boss.sends("/staff/manage/tills", {"name": name, "location": location})
        self.address = made.location
        self.boss.opens(self.address)
        self.boss.sends(f"{self.address}/code", {})
        self.code = re.findall(r'enrolment-code number">([A-Z2-7 ]{19})<', self.boss.page)[0]
        self.opens(f"/till/enrol/{self.code.replace(' ', '')}")
        assert self.sends("/till/enrol", {"code": self.code}).location == "/till/shift"

    @property
    def key(self) -> str:
        return self.address.rpartition("/")[2]

    def starts(self, email: str = KASIA, pin: str | None = None) -> TestResponse:
        """A shift, by PIN."""
        with self.shop.service.store.transaction() as tx:
            person = staff.find(tx, email)
            if not pins.is_set(tx, person):
                pins.choose(tx, self.shop.service.secrets, person, PINS[email])
        self.opens("/till/shift")
        return self.sends("/till/shift", {"who": person.key, "pin": pin or PINS[email]})

    def ends(self) -> TestResponse:
        self.opens("/till/shift")
        return self.opens(self.sends("/till/shift/end", {}).location)

    def is_revoked(self) -> None:
        self.boss.opens(f"{self.address}/revoke")
        assert self.boss.sends(f"{self.address}/revoke", {}).status_code == 303

    def permit(self) -> Any:
        return self.client.get("/staff/offline", headers={"Accept": "application/json"})

    def syncs(self, *actions: dict[str, Any]) -> list[dict[str, Any]]:
        """What became of each action, in the order they were sent."""
        got = self.posts({"till_seq_from": min((a["seq"] for a in actions), default=1), "actions": list(actions)})
        assert got.status_code == 200, got.text
        results = {result["id"]: result for result in got.json["results"]}
        return [results[action["id"]] for action in actions]

    def outcomes(self, *actions: dict[str, Any]) -> list[str]:
        return [result["outcome"] for result in self.syncs(*actions)]

    def posts(self, body: Any) -> Any:
        return self.client.post("/staff/sync", json=body, headers={"Accept": "application/json"})


class Alone:
    """A till's own list of what it did without a connection."""

    def __init__(self, counter: Counter, first: int = 1) -> None:
        self.counter, self.seq = counter, first

    def earns(self, serial: str, total: int, **other: Any) -> dict[str, Any]:
        return self._does(serial, kind="earn", total=total, **other)

    def stamps(self, serial: str, many: int, **other: Any) -> dict[str, Any]:
        return self._does(serial, kind="earn", stamps=many, **other)

    def spends(self, serial: str, redeem: int, **other: Any) -> dict[str, Any]:
        return self._does(serial, kind="redeem", redeem=redeem, **other)

    def gives(self, serial: str, reward: str, **other: Any) -> dict[str, Any]:
        return self._does(serial, kind="reward", reward=reward, **other)

    def _does(self, serial: str, **said: Any) -> dict[str, Any]:
        shop = self.counter.shop
        action = {
            "id": str(uuid.uuid4()),
            "seq": self.seq,
            "at": shop.service.now,
            "code": shop.held(serial).revision.card.code,
            "receipt": f"till-{secrets.token_hex(12)}",
            **said,
        }
        self.seq += 1
        return action
