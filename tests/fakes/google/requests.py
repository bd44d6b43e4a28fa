"""A request as it came and what became of it; the journal is a list of these."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """`parts` are those of a batch. `at` is Google's clock, `moment` a clock that nobody moves."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float
    moment: float
    content_id: str = ""
    account: str = ""
    status: int = 0
    fault: str = ""
    parts: list[Request] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def resource_id(self) -> str:
        """Which class or object it is about, as far as the address tells."""
        return next((step for step in self.path.split("/")[4:5]), "")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json; charset=UTF-8"),)


def told(status: int, said: object) -> Answer:
    return Answer(status, json.dumps(said, ensure_ascii=False, indent=1).encode())
