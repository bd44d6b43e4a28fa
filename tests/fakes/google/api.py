"""The REST surface: which verb on which address does what, for whom, and how often."""

from __future__ import annotations

import json
import random
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from . import batch, mask
from .accounts import Accounts
from .clock import Clock
from .faults import QUOTA_403, Fault, Faults
from .refusals import Refused, SaveRefused, bad
from .requests import Answer, Request, told
from .resources import CLASSES, OBJECTS, Resources, merge
from .rules import check, issuer_of
from .savelinks import SaveLinks, payload_of
from .shapes import clean

PREFIX = "/walletobjects/v1"
CALLS_PER_SECOND = 20
QUERY = {"alt", "fields", "prettyPrint", "key", "quotaUser", "issuerId", "classId", "maxResults", "token"}
NOT_FOUND = Answer(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", (("Content-Type", "text/html"),))


class Api:
    """Everything under the API's own address. Not safe for threads by itself: one request at a time."""

    def __init__(
        self, clock: Clock, accounts: Accounts, resources: Resources, links: SaveLinks, faults: Faults
    ) -> None:
        self._clock, self._accounts, self._resources = clock, accounts, resources
        self._links, self._faults = links, faults
        self.save_url = ""
        self.calls_per_second: int | None = CALLS_PER_SECOND
        self.throttles_with = 429
        self.shuffles_batches = True
        self.throttled = 0
        self._recent: deque[float] = deque()
        self._chance = random.Random(0)

    def reset(self) -> None:
        self.throttled = 0
        self._recent.clear()

    def many(self, request: Request) -> Answer:
        try:
            request.account = self._accounts.bearer(request.headers.get("authorization", ""))
            request.parts = self.parts(request)
        except Refused as refused:
            return told(refused.code, refused.envelope())
        answers = [self._carry_part(part) for part in request.parts]
        if self.shuffles_batches:
            self._chance.shuffle(answers)
        content_type, body = batch.write(answers)
        return Answer(200, body, (("Content-Type", content_type),))

    def handle(self, request: Request, fault: Fault | None = None) -> Answer:
        """One call, alone or from a batch."""
        try:
            self._throttle()
            if fault is not None and fault.name == "says":
                return Answer(fault.status, fault.body, fault.headers)
            said = self._answer(request)
            if fault is not None and fault.name == "race" and request.method == "POST":
                raise Refused(409, "Somebody was faster.")
            return told(200, mask.apply(said, request.query.get("fields", "")))
        except Refused as refused:
            return told(refused.code, refused.envelope())
        except SaveRefused as refused:
            return told(400, bad(str(refused)).envelope())

    def parts(self, whole: Request) -> list[Request]:
        """What a batch asks; each part meets what befell the whole."""
        return [
            Request(
                part.method,
                *split(part.target),
                {"authorization": whole.headers.get("authorization", "")} | part.headers,
                part.body,
                whole.at,
                whole.moment,
                part.content_id,
                fault=whole.fault,
            )
            for part in batch.read(whole.headers.get("content-type", ""), whole.body)
        ]

    def _carry_part(self, request: Request) -> batch.PartAnswer:
        fault = self._faults.next(request.method, request.path, is_part=True)
        request.fault = fault.name if fault else request.fault
        answer = NOT_FOUND if request.path == "/batch" else self.handle(request, fault)
        request.status = answer.status
        return batch.PartAnswer(request.content_id, answer.status, answer.body, answer.headers)

    def _throttle(self) -> None:
        """So many calls in any second; refused ones do not count."""
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self.calls_per_second is not None and len(self._recent) >= self.calls_per_second:
            self.throttled += 1
            if self.throttles_with == 403:
                raise Refused(403, json.loads(QUOTA_403.body)["error"]["message"], "RESOURCE_EXHAUSTED")
            raise Refused(429, "Quota exceeded for quota metric 'API requests'.")
        self._recent.append(now)

    def _answer(self, request: Request) -> Any:
        request.account = self._accounts.bearer(request.headers.get("authorization", ""))
        if unknown := set(request.query) - QUERY:
            raise bad(f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot bind query parameter.')
        for method, pattern, do in ROUTES:
            found = re.fullmatch(PREFIX + pattern, request.path)
            if found and method == request.method:
                return do(self, request, **{name: unquote(value) for name, value in found.groupdict().items()})
        raise Refused(404, "Method not found.")

    # -- classes and objects

    def _insert(self, request: Request, kind: str) -> Any:
        body = _body(request)
        self._accounts.demand_write(request.account, issuer_of(body.get("id")))
        return self._resources.show(self._resources.insert(kind, body))

    def _get(self, request: Request, kind: str, id: str) -> Any:
        self._accounts.demand(request.account, issuer_of(id))
        return self._resources.show(self._resources.find(kind, id))

    def _list(self, request: Request, kind: str) -> Any:
        if kind in CLASSES:
            issuer_id = request.query.get("issuerId", "")
            self._accounts.demand(request.account, issuer_id)
            found = self._resources.of_issuer(kind, issuer_id)
        else:
            class_id = request.query.get("classId", "")
            self._accounts.demand(request.account, issuer_of(class_id))
            found = self._resources.of_class(self._resources.find(kind.replace("Object", "Class"), class_id).id)
        return self._resources.page(found, _most(request.query), request.query.get("token", ""))

    def _put(self, request: Request, kind: str, id: str) -> Any:
        self._accounts.demand_write(request.account, issuer_of(id))
        return self._resources.show(self._resources.put(kind, id, _body(request)))

    def _patch(self, request: Request, kind: str, id: str) -> Any:
        self._accounts.demand_write(request.account, issuer_of(id))
        return self._resources.show(self._resources.patch(kind, id, _body(request)))

    def _add_message(self, request: Request, kind: str, id: str) -> Any:
        self._accounts.demand_write(request.account, issuer_of(id))
        return {"resource": self._resources.show(self._resources.add_message(kind, id, _body(request)))}

    def _link_offers(self, request: Request, id: str) -> Any:
        self._accounts.demand_write(request.account, issuer_of(id))
        return self._resources.show(self._resources.link_offers("loyaltyObject", id, _body(request)))

    # -- save links

    def _insert_jwt(self, request: Request) -> Any:
        token = str(clean("JwtResource", _body(request)).get("jwt", ""))
        claims = self._links.read(token)
        made = self._links.create(claims["iss"], claims["payload"])
        resources: dict[str, list[Any]] = {}
        for each in made:
            resources.setdefault(each.kind + ("es" if each.kind in CLASSES else "s"), []).append(
                self._resources.show(each)
            )
        return {"saveUri": f"{self.save_url}/{self._links.shorten(token)}", "resources": resources}

    def _validate_jwt(self, request: Request) -> Any:
        said = clean("JwtValidateRequest", _body(request))
        if len(said) != 1:
            raise bad("Exactly one of jwtResource and jsonResource must be set.")
        if "jwtResource" in said:
            claims = self._links.read(said["jwtResource"].get("jwt", ""))
            self._links.check(claims["iss"], claims["payload"])
        else:
            self._links.check(request.account, payload_of(said["jsonResource"].get("json", "")))
        return {}

    # -- issuers

    def _get_issuer(self, request: Request, id: str) -> Any:
        self._accounts.demand(request.account, id)
        return self._accounts.issuer(id).body

    def _list_issuers(self, request: Request) -> Any:
        mine = [each.body for each in self._accounts.issuers.values() if request.account in each.roles]
        return {"resources": mine}

    def _insert_issuer(self, request: Request) -> Any:
        raise Refused(403, "Issuers are made in the console.")

    def _change_issuer(self, request: Request, id: str) -> Any:
        self._accounts.demand_write(request.account, id)
        issuer = self._accounts.issuer(id)
        before = issuer.body if request.method == "PATCH" else {"issuerId": id}
        wanted = merge(before, clean("Issuer", _body(request), keep_nulls=True))
        check("Issuer", wanted, self._resources.policy)
        if wanted.get("issuerId") != id:
            raise bad("The issuerId in the body is not the one in the address.")
        if "smartTapMerchantData" in wanted:
            # The collector id, which Google chooses.
            wanted["smartTapMerchantData"]["smartTapMerchantId"] = str(int(id) % 90_000_000 + 10_000_000)
        issuer.body = wanted
        return wanted

    def _get_permissions(self, request: Request, id: str) -> Any:
        self._accounts.demand(request.account, id)
        return self._accounts.permissions(id)

    def _put_permissions(self, request: Request, id: str) -> Any:
        self._accounts.demand(request.account, id, "OWNER")
        return self._accounts.set_permissions(id, clean("Permissions", _body(request)))


def split(target: str) -> tuple[str, dict[str, str]]:
    """Path and query of a request's target; a whole address is taken, too."""
    parts = urlsplit(target)
    return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))


def _body(request: Request) -> dict[str, Any]:
    try:
        said = json.loads(request.body.decode())
    except (ValueError, RecursionError):
        raise bad("Invalid JSON payload received. Parsing failed.") from None
    if not isinstance(said, dict):
        raise bad("Invalid JSON payload received. An object was expected.")
    return said


def _most(query: dict[str, str]) -> int | None:
    given = query.get("maxResults")
    if given is None:
        return None
    if not given.isdigit() or int(given) == 0:
        raise bad("maxResults must be a positive number.")
    return int(given)


_KINDS = f"/(?P<kind>{'|'.join((*CLASSES, *OBJECTS))})"
_ID = "/(?P<id>[^/]+)"
ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("POST", _KINDS, Api._insert),
    ("GET", _KINDS, Api._list),
    ("GET", _KINDS + _ID, Api._get),
    ("PUT", _KINDS + _ID, Api._put),
    ("PATCH", _KINDS + _ID, Api._patch),
    ("POST", _KINDS + _ID + "/addMessage", Api._add_message),
    ("POST", f"/loyaltyObject{_ID}/modifyLinkedOfferObjects", Api._link_offers),
    ("POST", "/jwt", Api._insert_jwt),
    ("POST", "/jwt/validate", Api._validate_jwt),
    ("GET", "/issuer", Api._list_issuers),
    ("POST", "/issuer", Api._insert_issuer),
    ("GET", f"/issuer{_ID}", Api._get_issuer),
    ("PUT", f"/issuer{_ID}", Api._change_issuer),
    ("PATCH", f"/issuer{_ID}", Api._change_issuer),
    ("GET", f"/permissions{_ID}", Api._get_permissions),
    ("PUT", f"/permissions{_ID}", Api._put_permissions),
]
