"""Google Wallet, played on this machine: tokens, the API, save links, phones and callbacks over real HTTP.

It is as strict as the documents say the real one is. Where they are silent it takes the stricter way: large
numbers only as text; every write of a class says reviewStatus; a PATCH that would leave two kinds of balance is
refused; a card stays with whoever saved it first. It knows what the real one knows and no more; every request
is kept, and faults can be had by kind, number or chance.

    with FakeGoogle() as google:
        account = google.service_account()          # its key file: account.write(path)
        anna = google.phone("anna@example.org")
        google.callbacks.stand_ins["https://cards.example.org"] = "http://127.0.0.1:8000"
        anna.saves(link)                            # and the service hears of it
        google.script(faults.RESET_AFTER, method="PATCH", path="loyaltyObject")
        assert anna.shows("Points") == "50"
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from .accounts import Accounts, ServiceAccount
from .api import CALLS_PER_SECOND, NOT_FOUND, Api, split
from .callbacks import Callbacks
from .clock import Clock
from .faults import NAMED, ORDINARY, Fault, Faults
from .notices import Notice, Notices
from .phone import Phone
from .refusals import Refused, SaveRefused, TokenRefused
from .requests import Answer, Request, told
from .resources import Resources
from .rules import Policy
from .savelinks import SaveLinks
from .server import Server
from .signing import Signer

ISSUER = "3388000000000000001"
ACCOUNT = "wallet@fake-project.iam.gserviceaccount.com"
KEYS_PATH = "/gp/m/issuer/keys"
SAVE_PATH = "/gp/v/save"
REMOVE_PATH = "/gp/v/remove"


class FakeGoogle:
    """The whole service. Its parts may be told what to do from any thread at any time."""

    def __init__(
        self, *, issuer_id: str = ISSUER, port: int = 0, calls_per_second: int | None = CALLS_PER_SECOND
    ) -> None:
        self.issuer_id = issuer_id
        self.lock = threading.RLock()
        self.clock = Clock()
        self.policy = Policy()
        self.faults = Faults()
        self.signer = Signer(self.clock)
        self.accounts = Accounts(self.clock)
        self.requests: list[Request] = []
        self.notices = Notices(self.clock)
        self.resources = Resources(self.clock, self.notices, self.policy)
        self.links = SaveLinks(self.accounts, self.resources, self.clock)
        self.callbacks = Callbacks(self.signer, self.clock, self.accounts, self.resources)
        self._api = Api(self.clock, self.accounts, self.resources, self.links, self.faults)
        self._api.calls_per_second = calls_per_second
        self._server = Server(self._take, self._carry, port)

    def __enter__(self) -> FakeGoogle:
        self._server.open()
        self.accounts.token_url = self.token_url
        self._api.save_url = self.save_url
        self.accounts.issuer(self.issuer_id)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    start = __enter__

    def close(self) -> None:
        self._server.close()

    def reset(self) -> None:
        """No classes, objects, notices, faults or journal. Accounts, tokens and everything set by hand stay."""
        with self.lock:
            self.requests.clear()
            self.clock.runs()
            for each in (self.faults, self.signer, self.accounts, self.notices, self.resources, self.links):
                each.reset()
            self.callbacks.reset()
            self._api.reset()

    # -- addresses

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    @property
    def batch_url(self) -> str:
        return f"{self.url}/batch"

    @property
    def save_url(self) -> str:
        return f"{self.url}{SAVE_PATH}"

    @property
    def keys_url(self) -> str:
        return f"{self.url}{KEYS_PATH}"

    # -- what a test may ask and tell

    def service_account(
        self, email: str = ACCOUNT, *, issuer_id: str = "", role: str = "OWNER", is_user: bool = True
    ) -> ServiceAccount:
        """An account with a key of its own; `is_user` False: nobody invited it to the issuer yet."""
        with self.lock:
            return self.accounts.add(email, {issuer_id or self.issuer_id: role} if is_user else {})

    def phone(self, user: str, *, device: str = "phone", language: str = "en") -> Phone:
        return Phone(self, user, device, language)

    def script(self, fault: Fault, *, method: str = "", path: str = "", nth: int = 1, times: int = 1) -> None:
        """Let the next fitting requests fail, or as many from the n-th on. `path` is a part of the path."""
        with self.lock:
            self.faults.script(fault, method=method, path=path, nth=nth, times=times)

    def weather(self, rate: float, faults: Sequence[Fault] = ORDINARY, seed: int = 0) -> None:
        """Let this share of what is asked meet one of these faults, alone or in a batch; 0 clears the sky."""
        with self.lock:
            self.faults.weather(rate, faults, seed)

    def expire_tokens(self) -> None:
        with self.lock:
            self.accounts.expire_tokens()

    @property
    def is_down(self) -> bool:
        return not self._server.is_open

    @is_down.setter
    def is_down(self, down: bool) -> None:
        if down:
            self._server.close()
        elif not self._server.is_open:
            self._server.open()

    @property
    def calls_per_second(self) -> int | None:
        return self._api.calls_per_second

    @calls_per_second.setter
    def calls_per_second(self, most: int | None) -> None:
        self._api.calls_per_second = most

    @property
    def throttles_with(self) -> int:
        """429, or 403 as it was seen in the wild."""
        return self._api.throttles_with

    @throttles_with.setter
    def throttles_with(self, status: int) -> None:
        assert status in (403, 429)
        self._api.throttles_with = status

    @property
    def shuffles_batches(self) -> bool:
        return self._api.shuffles_batches

    @shuffles_batches.setter
    def shuffles_batches(self, shuffles: bool) -> None:
        self._api.shuffles_batches = shuffles

    @property
    def throttled(self) -> int:
        return self._api.throttled

    @property
    def connections_opened(self) -> int:
        return self._server.connections_opened

    @property
    def calls(self) -> list[Request]:
        """Every call of the API in the order it came, with the parts of batches in place of the batches."""
        with self.lock:
            return [
                call
                for request in self.requests
                for call in (request.parts or [request])
                if call.path.startswith("/walletobjects/")
            ]

    def writes(self, resource_id: str) -> list[Request]:
        """Calls that changed this class or object, or would have; inserts included."""
        found = [call for call in self.calls if call.method != "GET"]
        return [call for call in found if resource_id in (call.resource_id, _named(call))]

    def notices_of(self, pass_id: str) -> list[Notice]:
        with self.lock:
            return self.notices.of(pass_id)

    def card(self, object_id: str) -> dict[str, Any]:
        """An object as the API would show it."""
        with self.lock:
            return self.resources.show(self.resources.objects[object_id])

    def card_class(self, class_id: str) -> dict[str, Any]:
        with self.lock:
            return self.resources.show(self.resources.classes[class_id])

    def most_calls_in_a_second(self) -> int:
        """The busiest second there was."""
        moments = sorted(call.moment for call in self.calls)
        first = most = 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - 1:
                first += 1
            most = max(most, last - first + 1)
        return most

    # -- what the sockets bring

    def _take(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[Request, Fault | None]:
        path, query = split(target)
        request = Request(method, path, query, headers, body, self.clock(), time.monotonic())
        with self.lock:
            if path.startswith("/fake/"):
                return request, None
            self.requests.append(request)
            fault = self.faults.next(method, path)
        request.fault = fault.name if fault else ""
        if path == "/batch" and fault is not None and not fault.is_done:
            # Nobody will open it, but what is in it was asked.
            with suppress(Refused):
                request.parts = self._api.parts(request)
        return request, fault

    def _carry(self, request: Request, fault: Fault | None) -> Answer:
        path = request.path
        if path.startswith(REMOVE_PATH) or (path.startswith(SAVE_PATH) and request.method == "POST"):
            return self._wallet(request)
        with self.lock:
            if path == "/token":
                return self._token(request)
            if path == KEYS_PATH:
                return told(200, self.signer.key_list())
            if path == "/batch":
                return self._api.many(request)
            if path.startswith("/walletobjects/"):
                return self._api.handle(request, fault)
            if path.startswith(SAVE_PATH):
                return self._preview(request)
            if path.startswith("/fake/") and request.method == "POST":
                return self._command(path.removeprefix("/fake/"), request.query)
        return NOT_FOUND

    def _token(self, request: Request) -> Answer:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            refused = TokenRefused("The body must be a form.", "invalid_request")
            return told(refused.code, refused.said)
        try:
            return told(200, self.accounts.grant(dict(parse_qsl(request.body.decode("latin-1")))))
        except TokenRefused as refused:
            return told(refused.code, refused.said)

    def _preview(self, request: Request) -> Answer:
        try:
            claims = self.links.read(request.path.removeprefix(f"{SAVE_PATH}/"))
            self.links.check(claims["iss"], claims["payload"])
        except SaveRefused as refused:
            return told(400, {"error": str(refused)})
        except Refused as refused:
            return told(400, {"error": refused.message})
        return told(200, claims["payload"])

    def _wallet(self, request: Request) -> Answer:
        """A person saves or removes; the issuer is told after the lock is free, for it may well ask us back."""
        who = dict(parse_qsl(request.headers.get("cookie", "")))
        with self.lock:
            try:
                happened, said = self._save_or_remove(request.path, who.get("user", ""), who.get("device", ""))
            except SaveRefused as refused:
                return told(400, {"error": str(refused)})
        for event, resource in happened:
            self.callbacks.tell(event, resource)
        return told(200, said)

    def _save_or_remove(self, path: str, user: str, device: str) -> tuple[list[tuple[str, Any]], object]:
        if not user:
            raise SaveRefused("Nobody is signed in.")
        if path.startswith(SAVE_PATH):
            saved = self.links.save(path.removeprefix(f"{SAVE_PATH}/"), user, device)
            return [("save", each) for each, is_new in saved if is_new], {"saved": [each.id for each, _ in saved]}
        resource = self.resources.objects.get(path.removeprefix(f"{REMOVE_PATH}/"))
        if resource is None or resource.holders.pop(user, None) is None:
            raise SaveRefused("This card is not in the wallet.")
        return [("del", resource)], {}

    def _command(self, name: str, query: dict[str, str]) -> Answer:
        """For those who cannot reach into this process."""
        match name:
            case "reset":
                self.reset()
            case "expire-tokens":
                self.expire_tokens()
            case "weather":
                chosen = NAMED.get(query.get("fault", ""))
                self.weather(float(query.get("rate", "0")), [chosen] if chosen else ORDINARY)
            case "report":
                pass
            case _:
                return NOT_FOUND
        return told(200, self.report())

    def report(self) -> dict[str, Any]:
        """What happened so far, in numbers. Of the API: `trips` are requests, `calls` what was asked in them."""
        calls = self.calls
        statuses = [call.status for call in calls]
        trips = [each for each in self.requests if each.path == "/batch" or each.path.startswith("/walletobjects/")]
        return {
            "requests": len(self.requests),
            "trips": len(trips),
            "spoilt_trips": sum(1 for each in trips if each.fault),
            "calls": len(calls),
            "spoilt_calls": sum(1 for call in calls if call.fault),
            "statuses": {str(status): statuses.count(status) for status in sorted(set(statuses))},
            "most_calls_in_a_second": self.most_calls_in_a_second(),
            "tokens": self.accounts.granted,
            "connections": self.connections_opened,
            "classes": len(self.resources.classes),
            "objects": len(self.resources.objects),
            "notices": len(self.notices.all),
            "callbacks": len(self.callbacks.letters),
        }


def _named(call: Request) -> str:
    """The id in the body of an insert."""
    try:
        said = call.json
    except ValueError:
        return ""
    return str(said.get("id", "")) if isinstance(said, dict) else ""
