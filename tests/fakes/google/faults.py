"""What can go wrong with a request, and when: by its kind, its number among those of its kind, or chance.

google.script(faults.answer(503), path="loyaltyObject", times=2)
google.script(faults.RESET_AFTER, method="POST", path="/loyaltyObject")
google.script(faults.answer(503), path="/batch")   # the whole batch
google.weather(0.1, faults.ORDINARY, seed=7)
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from .refusals import Refused


@dataclass(frozen=True)
class Fault:
    """`name` says how, the rest how much. `is_done`: the request was carried out all the same."""

    name: str
    status: int = 0
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0
    is_done: bool = False

    @property
    def is_answer(self) -> bool:
        """Only these can befall a part of a batch; the others need a connection."""
        return self.name in ("says", "race")


def says(status: int, body: bytes, *headers: tuple[str, str]) -> Fault:
    """Answer this, and do nothing."""
    return Fault("says", status=status, body=body, headers=headers)


def answer(status: int, status_name: str = "", message: str = "Played fault.", *headers: tuple[str, str]) -> Fault:
    """Refuse in Google's own form."""
    envelope = json.dumps(Refused(status, message, status_name).envelope()).encode()
    return says(status, envelope, ("Content-Type", "application/json; charset=UTF-8"), *headers)


def slow(seconds: float) -> Fault:
    """Do it at once, say so late."""
    return Fault("slow", seconds=seconds, is_done=True)


def late(seconds: float) -> Fault:
    """Do it late."""
    return Fault("late", seconds=seconds, is_done=True)


def huge(size: int = 8 << 20) -> Fault:
    """200 and JSON of this many bytes."""
    return Fault("huge", status=200, body=b'{"id":"' + b"x" * size + b'"}', headers=_JSON)


def drip(seconds: float) -> Fault:
    """Carried out, and answered a byte at a time, this long apart."""
    return Fault("drip", seconds=seconds, is_done=True)


def redirect(url: str, status: int = 302) -> Fault:
    return says(status, b"", ("Location", url))


_JSON = (("Content-Type", "application/json; charset=UTF-8"),)

QUOTA_403 = answer(403, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'API requests'.")
JUNK = says(200, b"<!doctype html><title>Sign in</title>", ("Content-Type", "text/html; charset=UTF-8"))
NOT_AN_OBJECT = says(200, b"[]", *_JSON)
NULL = says(200, b"null", *_JSON)
EMPTY = says(200, b"", *_JSON)
NOT_UTF8 = says(200, b'{"id":"\xff\xfe"}', *_JSON)
HANG = Fault("hang")  # neither done nor answered
RESET_BEFORE = Fault("reset")  # the connection is reset, nothing was done
RESET_AFTER = Fault("reset", is_done=True)  # ... although it was done
LOST_ANSWER = Fault("close", is_done=True)  # closed without a word
CUT = Fault("cut", is_done=True)  # half an answer
RACE = Fault("race", is_done=True)  # somebody else inserted the same id a moment before: 409

ORDINARY = (
    answer(500),
    answer(503),
    answer(429),
    QUOTA_403,
    RESET_BEFORE,
    RESET_AFTER,
    LOST_ANSWER,
    CUT,
    JUNK,
)
"""What a bad day brings."""

NAMED = {
    "hang": HANG,
    "reset": RESET_BEFORE,
    "lost": LOST_ANSWER,
    "junk": JUNK,
    "401": answer(401),
    "429": answer(429),
    "403": QUOTA_403,
    "500": answer(500),
    "503": answer(503),
}
"""For whoever asks from another process."""


@dataclass
class _Script:
    fault: Fault
    method: str
    path: str
    waits: int
    times: int

    def fits(self, method: str, path: str) -> bool:
        """Counts down to its turn, and then as often as it is to happen."""
        if self.times <= 0 or self.method not in ("", method) or self.path not in path:
            return False
        self.waits -= 1
        return self.waits < 0


class Faults:
    """Which request meets which fault."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._scripts: deque[_Script] = deque()
        self._rate, self._chance = 0.0, random.Random(0)
        self._faults: tuple[Fault, ...] = ORDINARY

    def script(self, fault: Fault, *, method: str = "", path: str = "", nth: int = 1, times: int = 1) -> None:
        self._scripts.append(_Script(fault, method, path, nth - 1, times))

    def weather(self, rate: float, faults: Sequence[Fault] = ORDINARY, seed: int = 0) -> None:
        self._rate, self._faults, self._chance = rate, tuple(faults), random.Random(seed)

    def next(self, method: str, path: str, is_part: bool = False) -> Fault | None:
        for script in self._scripts:
            if (script.fault.is_answer or not is_part) and script.fits(method, path):
                script.times -= 1
                return script.fault
        is_outside = path.startswith(("/walletobjects/", "/batch", "/token"))
        if is_outside and self._rate and self._chance.random() < self._rate:
            chosen = self._chance.choice(self._faults)
            return chosen if _befalls(chosen, path == "/batch", is_part) else None
        return None


def _befalls(fault: Fault, is_batch: bool, is_part: bool) -> bool:
    """In a batch, answers befall parts and all else the whole: a call meets as much together as alone."""
    return not (is_batch and fault.is_answer) and not (is_part and not fault.is_answer)
