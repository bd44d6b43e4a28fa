"""Classes and objects: how they come to be, change, and are shown.

Whatever is read here is a copy; every change is checked as the whole it would make before it is kept. Nothing
is ever deleted, because nothing can be.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from .clock import Clock
from .notices import Notices
from .refusals import Refused, bad
from .rules import MOST, Policy, check, issuer_of, moment
from .shapes import SHAPES, clean

PLATFORM = frozenset(("kind", "version", "hasUsers", "hasLinkedDevice", "classReference", "review"))
FAMILIES = ("loyalty", "offer", "giftCard", "generic")
CLASSES = {f"{family}Class": f"{family[0].upper()}{family[1:]}Class" for family in FAMILIES}
OBJECTS = {f"{family}Object": f"{family[0].upper()}{family[1:]}Object" for family in FAMILIES}
SHAPE_OF = CLASSES | OBJECTS
# A change of these is worth a notice; of others it is silent, whatever was asked for.
NOTICED = {
    "loyaltyObject": ("loyaltyPoints.balance", "secondaryLoyaltyPoints.balance"),
    "loyaltyClass": (
        "rewardsTier",
        "secondaryRewardsTier",
        "localizedRewardsTier",
        "localizedSecondaryRewardsTier",
    ),
}
MOST_LINKED = 50

Body = dict[str, Any]


@dataclass
class Resource:
    """A class or an object as it is kept. `owner` is whoever saved it first, `holders` those who have it now."""

    kind: str
    id: str
    body: Body
    version: int = 1
    owner: str = ""
    holders: dict[str, set[str]] = field(default_factory=dict)  # user -> devices

    @property
    def issuer_id(self) -> str:
        return self.id.partition(".")[0]

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(sorted(self.holders))


class Resources:
    def __init__(self, clock: Clock, notices: Notices, policy: Policy) -> None:
        self._clock, self._notices, self.policy = clock, notices, policy
        self.reset()

    def reset(self) -> None:
        self.classes: dict[str, Resource] = {}
        self.objects: dict[str, Resource] = {}
        self.expires_late_seconds = 0.0
        self.most_linked = MOST_LINKED
        self._pages: dict[str, int] = {}

    # -- reading

    def find(self, kind: str, resource_id: str) -> Resource:
        issuer_of(resource_id)
        found = self._shelf(kind).get(resource_id)
        if found is None or found.kind != kind:
            raise Refused(404, f"{SHAPE_OF[kind]} {resource_id} not found.")
        return found

    def class_of(self, resource: Resource) -> Resource:
        return self.classes[resource.body["classId"]]

    def show(self, resource: Resource) -> Body:
        """As the API gives it: with what only the platform writes."""
        self._expire(resource)
        fields = SHAPES[SHAPE_OF[resource.kind]]
        shown = copy.deepcopy(resource.body)
        if "kind" in fields:
            shown |= {"kind": f"walletobjects#{resource.kind}", "version": str(resource.version)}
        if resource.kind in OBJECTS:
            shown["hasUsers"] = bool(resource.holders)
            shown["classReference"] = self.show(self.class_of(resource))
            if "hasLinkedDevice" in fields:
                shown["hasLinkedDevice"] = False
        return shown

    def page(self, found: list[Resource], most: int | None, token: str) -> Body:
        """A part of a list, and the token by which to go on."""
        start = 0
        if token:
            if token not in self._pages:
                raise bad("Invalid page token.")
            start = self._pages[token]
        end = len(found) if most is None else start + most
        shown = [self.show(resource) for resource in found[start:end]]
        pagination: Body = {"kind": "walletobjects#pagination", "resultsPerPage": len(shown)}
        if end < len(found):
            pagination["nextPageToken"] = following = secrets.token_urlsafe(12)
            self._pages[following] = end
        return {"resources": shown, "pagination": pagination}

    def of_issuer(self, kind: str, issuer_id: str) -> list[Resource]:
        return [each for each in self.classes.values() if each.kind == kind and each.issuer_id == issuer_id]

    def of_class(self, class_id: str) -> list[Resource]:
        return [each for each in self.objects.values() if each.body["classId"] == class_id]

    # -- writing

    def insert(self, kind: str, body: object) -> Resource:
        wanted = self._taken(kind, body)
        check(SHAPE_OF[kind], wanted, self.policy)
        issuer_of(wanted["id"])
        if wanted["id"] in self._shelf(kind):
            raise Refused(409, f"{SHAPE_OF[kind]} {wanted['id']} already exists.")
        wanted.pop("notifyPreference", None)
        self._settle(kind, wanted, before=None)
        self._shelf(kind)[wanted["id"]] = made = Resource(kind, wanted["id"], wanted)
        return made

    def would_insert(self, kind: str, body: object) -> None:
        """Only the checks, for a body that would be new."""
        wanted = self._taken(kind, body)
        check(SHAPE_OF[kind], wanted, self.policy)
        issuer_of(wanted["id"])

    def put(self, kind: str, resource_id: str, body: object) -> Resource:
        """Replace the whole; what was not sent is gone."""
        resource = self.find(kind, resource_id)
        wanted = {"id": resource_id} | self._taken(kind, body)
        return self._change(resource, wanted, said=wanted)

    def patch(self, kind: str, resource_id: str, body: object) -> Resource:
        """Merge field by field; a list is replaced whole, a null clears."""
        resource = self.find(kind, resource_id)
        said = self._taken(kind, body, keep_nulls=True)
        return self._change(resource, merge(resource.body, said), said)

    def add_message(self, kind: str, resource_id: str, body: object) -> Resource:
        resource = self.find(kind, resource_id)
        request = clean("AddMessageRequest", body)
        check("AddMessageRequest", request, self.policy)
        messages = [*resource.body.get("messages", []), request["message"]]
        if len(messages) > MOST["messages"]:
            raise bad(f"messages has {len(messages)} members; {MOST['messages']} are allowed.")
        if request["message"].get("messageType") == "TEXT_AND_NOTIFY":
            self._announce(resource, "message", (request["message"].get("id", ""),))
        resource.body["messages"] = messages
        resource.version += 1
        return resource

    def link_offers(self, kind: str, resource_id: str, body: object) -> Resource:
        """The deprecated way to attach offers."""
        resource = self.find(kind, resource_id)
        change = clean("ModifyLinkedOfferObjectsRequest", body).get("linkedOfferObjectIds", {})
        added = change.get("addLinkedOfferObjectIds", [])
        for offer_id in added:
            self.find("offerObject", offer_id)
        kept = [*resource.body.get("linkedOfferIds", []), *added]
        gone = set(change.get("removeLinkedOfferObjectIds", []))
        resource.body["linkedOfferIds"] = [each for each in dict.fromkeys(kept) if each not in gone]
        return resource

    def _change(self, resource: Resource, wanted: Body, said: Body) -> Resource:
        if wanted.get("id") != resource.id:
            raise bad("The id in the body is not the id in the address.")
        if "reviewStatus" in SHAPES[SHAPE_OF[resource.kind]] and "reviewStatus" not in said:
            raise bad("Invalid review status: a class must be sent with DRAFT or UNDER_REVIEW.")
        notify = wanted.pop("notifyPreference", None) == "NOTIFY_ON_UPDATE"
        check(SHAPE_OF[resource.kind], wanted, self.policy)
        self._settle(resource.kind, wanted, before=resource)
        changed = tuple(
            path for path in NOTICED.get(resource.kind, ()) if _at(wanted, path) != _at(resource.body, path)
        )
        if notify and changed:
            self._announce(resource, "update", changed)
        resource.body = wanted
        resource.version += 1
        if resource.kind in OBJECTS:
            self._push_linked(resource)
        return resource

    def _taken(self, kind: str, body: object, keep_nulls: bool = False) -> Body:
        """What was sent, without the platform's own fields: those are ignored."""
        if isinstance(body, dict):
            fields = SHAPES[SHAPE_OF[kind]]
            body = {name: value for name, value in body.items() if name not in PLATFORM or name not in fields}
        return clean(SHAPE_OF[kind], body, keep_nulls=keep_nulls)

    def _settle(self, kind: str, wanted: Body, before: Resource | None) -> None:
        """What holds between resources, and what the platform does on its own."""
        if kind in CLASSES:
            _review(wanted, before)
        else:
            self._check_class(kind, wanted["classId"])
            linked = self._linked(wanted, before)
            if linked:
                wanted["linkedObjectIds"] = linked

    def _check_class(self, kind: str, class_id: str) -> None:
        issuer_of(class_id)
        owner = self.classes.get(class_id)
        if owner is None:
            raise Refused(404, f"IssuerClassNotFound: class {class_id} not found.")
        if owner.kind != kind.replace("Object", "Class"):
            raise bad(f"{class_id} is a {owner.kind}, which cannot have a {kind}.")
        if owner.body.get("reviewStatus") not in (None, "APPROVED"):
            raise bad(f"{class_id} is {owner.body['reviewStatus']} and cannot have objects.")

    def _linked(self, wanted: Body, before: Resource | None) -> list[str]:
        """What was linked once stays linked; beyond a limit nothing is added, and nobody is told."""
        new, issuer_id = wanted.get("linkedObjectIds", []), issuer_of(wanted["id"])
        for other in new:
            if issuer_of(other) != issuer_id:
                raise bad(f"{other} is of another issuer and cannot be linked.")
            if other not in self.objects:
                raise bad(f"{other} does not exist and cannot be linked.")
        old = before.body.get("linkedObjectIds", []) if before else []
        return list(dict.fromkeys([*old, *new]))[: max(self.most_linked, len(old))]

    def _push_linked(self, resource: Resource) -> None:
        for linked in resource.body.get("linkedObjectIds", ()):
            for person, devices in resource.holders.items():
                self.objects[linked].holders.setdefault(person, set()).update(devices)

    def hold(self, resource: Resource, user: str, device: str) -> bool:
        """Put it into somebody's wallet; whether it was not there before."""
        is_new = user not in resource.holders
        resource.owner = resource.owner or user
        resource.holders.setdefault(user, set()).add(device)
        self._push_linked(resource)
        return is_new

    def _announce(self, resource: Resource, kind: str, fields: tuple[str, ...]) -> None:
        """A notice to the holders of an object, or of every object of a class that has not had its three."""
        self._notices.demand_room(resource.id)
        self._notices.add(resource.id, kind, fields, self._people(resource))
        for each in self.of_class(resource.id) if resource.kind in CLASSES else ():
            if each.holders and self._notices.has_room(each.id):
                self._notices.add(each.id, f"class {kind}", fields, each.people)

    def _people(self, resource: Resource) -> tuple[str, ...]:
        if resource.kind in OBJECTS:
            return resource.people
        return tuple(sorted({person for each in self.of_class(resource.id) for person in each.holders}))

    def _expire(self, resource: Resource) -> None:
        end = resource.body.get("validTimeInterval", {}).get("end")
        if end is None or resource.body.get("state") != "ACTIVE":
            return
        ends = moment(end)
        seconds = (ends if ends.tzinfo else ends.replace(tzinfo=UTC)).timestamp()
        if seconds + self.expires_late_seconds < self._clock():
            resource.body["state"] = "EXPIRED"

    def _shelf(self, kind: str) -> dict[str, Resource]:
        return self.classes if kind in CLASSES else self.objects


def merge(old: Body, new: Body) -> Body:
    """As PATCH does it. Null clears, at any depth."""
    merged = copy.deepcopy(old)
    for name, value in new.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            below = merged.get(name)
            merged[name] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _review(wanted: Body, before: Resource | None) -> None:
    """UNDER_REVIEW is approved at once; there is no way back to DRAFT."""
    status = wanted.get("reviewStatus")
    if status is None:
        return
    if status not in ("DRAFT", "UNDER_REVIEW"):
        raise bad("Invalid review status: only DRAFT and UNDER_REVIEW may be sent.")
    if status == "DRAFT" and before is not None and before.body["reviewStatus"] != "DRAFT":
        raise bad("Invalid review status: an approved class cannot become a draft again.")
    wanted["reviewStatus"] = "APPROVED" if status == "UNDER_REVIEW" else "DRAFT"


def _at(body: Body, path: str) -> Any:
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def kinds_in(payload: Iterable[str]) -> list[tuple[str, str]]:
    """Names of a save link's lists with the kind each holds, classes before objects."""
    plural = {f"{kind}es" if kind in CLASSES else f"{kind}s": kind for kind in SHAPE_OF}
    return sorted(((name, plural[name]) for name in payload if name in plural), key=lambda pair: pair[1] in OBJECTS)
