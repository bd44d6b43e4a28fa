"""Cards: what a card shows, where it lives, what happened to it, and which card a scanned code names."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from pydantic import ConfigDict

from ... import cards as held_cards
from ... import claimcodes, claims, couponcodes, coupons, installations, programmes, stepup
from ...cards import Held
from ...codes import Known
from ...points import receipts, statement, tiers
from ...points.purses import after_expiry
from ...stepup import Proof
from ...store import Connection, Row
from ..current import service
from .answers import listed
from .document import operation
from .fields import Answer, Body, Code, Page, Place, Why

cards = APIBlueprint("cards", __name__, abp_tags=[{"name": "Cards"}])

_TEXT: dict[str, Any] = {"en": "Free coffee", "pl": "Darmowa kawa"}
_SHOWN: dict[str, Any] = {
    "serial": "p7Qm3kZx9Lw2Rt5vBn8cYd",
    "number": "400012345678",
    "programme": "cafe",
    "member": "5f3c9a0d7e6b48d1a2c3e4f506172839",
    "status": "active",
    "tier": "silver",
    "balances": {"points": 120},
    "revision": 7,
    "offers": [],
    "rewards": [{"key": "coffee", "name": _TEXT, "cost": 100, "unit": "points", "missing": 0, "why": None}],
    "installations": [],
}
_READ: dict[str, Any] = {"kind": "static", "proves_presence": False, "until": None, "spendable": 50}
_LINE: dict[str, Any] = {
    "entry": 41,
    "kind": "earn",
    "unit": "points",
    "amount": 12,
    "why": {"paid": 1250, "points": 1, "per": 100, "rounding": "down"},
    "receipt": "R-2026-0041",
    "at": 1_790_000_000,
    "hash": "9c" * 32,
}


Balances = dict[str, int]
"""By unit: the programme's main one, and whatever else its cards count in."""


_ENTITLED: dict[str, Any] = {
    "tier": "gold",
    "tier_until": 1_798_758_000,
    "entitlements": [
        {
            "key": "sale",
            "kind": "early_access",
            "name": {"en": "The sale, two days earlier"},
            "active": False,
            "starts": 1_795_561_200,
            "ends": None,
        }
    ],
}


class ShownOffer(Answer):
    key: str
    title: dict[str, str]
    body: dict[str, str]
    starts: int
    ends: int | None


class ShownReward(Answer):
    """`missing` is how much more of the `unit` the member needs; `why` is what else stands in the way.

    That is tier, later (it has not begun), over, stock (none is left) or limit (the member had it); null: nothing.
    """

    key: str
    name: dict[str, str]
    cost: int
    unit: str
    missing: int
    why: str | None


class Installation(Answer):
    """A place where the card lives. It is stale while `pushed` is below `wanted`; instants are milliseconds."""

    wallet: str
    registered: int
    wanted: int
    pushed: int
    fetched: int
    changed_ms: int | None
    pushed_ms: int | None
    stale: bool
    set_aside: bool
    why: str | None


class Card(Answer):
    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    serial: str
    number: str
    programme: str
    member: str
    status: str
    tier: str | None
    balances: Balances
    revision: int
    offers: list[ShownOffer]
    rewards: list[ShownReward]
    installations: list[Installation]


class Line(Answer):
    """An entry of the ledger. `hash` chains it to the entry before."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINE]})

    entry: int
    kind: str
    unit: str
    amount: int
    why: Why
    receipt: str | None
    at: int
    hash: str


class Statement(Answer):
    entries: list[Line]
    next: str | None


class Entitlements(Answer):
    """`tier_until`: when the tier is lost if nothing more is counted. What else an entitlement holds is its kind's."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTITLED]})

    tier: str | None
    tier_until: int | None
    entitlements: list[dict[str, Any]]


class CardPath(Body):
    serial: Place


class Scanned(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "LC1.ABCDEFGHIJKLMNOP.ABCDEFGHIJKLM"}]})

    code: Code


class Shown(Answer):
    """What was scanned. `proves_presence`: the phone is here, and any amount may be spent until `until` with this code.

    `spendable` is how many points may be spent today with this code; null: as many as the card holds.
    """

    kind: Literal["static", "rotating", "signed"]
    proves_presence: bool
    until: int | None
    spendable: int | None


class Resolved(Card):
    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN | {"code": _READ}]})

    code: Shown


@operation(cards, "get", "/cards/<serial>", "cards:read", Card)
def show(path: CardPath) -> Response:
    """Show a card as the member sees it, and where it is installed."""
    with service().store.reading() as tx:
        return jsonify(_shown(tx, held_cards.by_serial(tx, path.serial)))


@operation(cards, "get", "/cards/<serial>/entries", "cards:read", Statement)
def entries(path: CardPath, query: Page) -> Response:
    """List what happened to a card, the newest first."""
    with service().store.reading() as tx:
        held = held_cards.by_serial(tx, path.serial)
        lines, following = statement.page(tx, held.id, query.after, query.limit)
        main = programmes.of_card(tx, held).definition.unit
    return listed("entries", [asdict(line) | {"unit": line.unit or main} for line in lines], following)


@operation(cards, "get", "/cards/<serial>/entitlements", "cards:read", Entitlements)
def entitlements(path: CardPath) -> Response:
    """List what a member may ask for now by their tier, and what is announced for later."""
    now = service().now
    with service().store.reading() as tx:
        held = held_cards.by_serial(tx, path.serial)
        programme = programmes.of_card(tx, held)
        place = receipts.place_now(tx, programme, held, receipts.opened(tx, programme, held), now)
    perks = tiers.entitlements(programme.at(now).definition.perks.get(place.tier or "", ()), now)
    perks = perks if held.row.status == "active" else []
    return jsonify(tier=place.tier, tier_until=place.until, entitlements=perks)


@operation(cards, "post", "/codes/resolve", "cards:read", Resolved)
def resolve(body: Scanned) -> Response:
    """Tell which card a scanned code is and what may be done with it, or why it is none.

    A code that was not issued here is refused without a look at the store; a changing one that was spent with already
    is refused, too. Mind the status: a blocked card is found. To spend, send the code along with the receipt.
    A coupon's code or a receipt's claim is no card: the refusal says which it is and whether it was used.
    """
    here = service()
    with here.store.reading() as tx:
        if couponcodes.read(body.code):
            raise coupons.told(tx, body.code, here.now)
        if claimcodes.read(body.code):
            raise claims.told(tx, body.code, here.now)
        known = held_cards.read_code(body.code, here.secrets)
        held = held_cards.by_known(tx, known)
        return jsonify(_shown(tx, held) | {"code": _read(tx, held, known)})


def _read(tx: Connection, held: Held, known: Known) -> dict[str, Any]:
    proof = Proof.of(known, service().now)
    stepup.refuse_used(tx, held, proof)
    is_here = proof.step is not None
    return {
        "kind": known.kind,
        "proves_presence": is_here,
        "until": known.good_until if is_here else None,
        "spendable": None if is_here else stepup.left(tx, held, service().now),
    }


def _shown(tx: Connection, held: Held) -> dict[str, Any]:
    now = service().now
    card = held.revision.card
    # What ended since the card was last drawn is not offered any more, even if the sweep has not come yet.
    programme = programmes.of_card(tx, held)
    account = after_expiry(receipts.opened(tx, programme, held), now)
    balance, definition = account.balance, programme.definition
    return {
        "serial": held.serial,
        "number": held.row.number,
        "programme": held.row.programme,
        "member": service().members.identity(tx, held.row.member_id),
        "status": held.row.status,
        "tier": receipts.place_now(tx, programme, held, account, now).tier,
        "balances": {definition.unit: balance}
        | {definition.long(unit): purse.balance for unit, purse in account.purses.items()},
        "revision": held.row.revision,
        "offers": [
            {"key": o.key, "title": dict(o.title), "body": dict(o.body), "starts": o.starts, "ends": o.ends}
            for o in card.offers
            if o.is_live(now)
        ],
        "rewards": [
            {
                "key": r.key,
                "name": dict(r.name),
                "cost": r.cost,
                "unit": definition.long(r.unit),
                "missing": max(0, r.cost - account.purse(definition.short(r.unit or None)).spendable(now)),
                "why": r.why or None,
            }
            for r in card.rewards
        ],
        "installations": [_placed(row, held) for row in installations.of_card(tx, held.id)],
    }


def _placed(row: Row, held: Held) -> dict[str, Any]:
    """Never the place or the address: they are the device's own and reach it."""
    return {
        "wallet": row.wallet,
        "registered": row.registered,
        "wanted": row.wanted,
        "pushed": row.pushed,
        "fetched": held.row.fetched,
        "changed_ms": row.changed_ms,
        "pushed_ms": row.pushed_ms,
        "stale": row.due is not None,
        "set_aside": row.set_aside,
        "why": row.why,
    }
