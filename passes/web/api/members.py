"""Members: join, find, change, erase.

Contacts go in and come out in the clear and lie in the store sealed; an answer that is kept for a repeat holds none.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from pydantic import ConfigDict, Field

from ... import cards
from ...idempotency import Said
from ...members import Agreement, Person
from ...service import Service
from ...store import Connection
from ..current import service
from .answers import listed, once
from .document import operation
from .fields import (
    Answer,
    Body,
    Email,
    ExternalId,
    Language,
    Month,
    Name,
    Once,
    Page,
    Phone,
    Place,
    ProgrammeKey,
)

members = APIBlueprint("members", __name__, abp_tags=[{"name": "Members"}])

_ANNA: dict[str, Any] = {
    "name": "Anna",
    "email": "anna@example.org",
    "phone": "+48600100200",
    "language": "pl",
    "external_id": "c-17",
    "birth_month": 5,
}
_MEMBER = "5f3c9a0d7e6b48d1a2c3e4f506172839"
_SERIAL = "p7Qm3kZx9Lw2Rt5vBn8cYd"


FriendCode = Annotated[str, Field(min_length=1, max_length=20, description="The code in the sender's link.")]


class Consent(Body):
    """What the member agreed to. `text_hash`: SHA-256 of the words they saw, so that it can be proved."""

    purpose: Annotated[str, Field(min_length=1, max_length=40)]
    text_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    source: Annotated[str, Field(min_length=1, max_length=40)] = "api"


class Join(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"programme": "cafe", **_ANNA, "consents": [{"purpose": "marketing-email"}]}]}
    )

    programme: ProgrammeKey
    name: Name = ""
    email: Email = ""
    phone: Phone = ""
    language: Language | None = None
    external_id: ExternalId | None = None
    birth_month: Month | None = None
    consents: Annotated[tuple[Consent, ...], Field(max_length=20)] = ()
    friend: FriendCode | None = None


class Links(Answer):
    """Where the member gets the card, by wallet; null where a wallet is not set up or not offered."""

    # A wallet more is a link more.
    model_config = ConfigDict(extra="allow", frozen=True)

    apple: str | None
    google: str | None
    ecard: str | None


class Joined(Answer):
    """`member` names the person, `card` is the serial number of the card.

    `unthanked` is why the friend who sent them has nothing of it: unknown, closed, limit, device, self or ring.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "member": _MEMBER,
                    "card": _SERIAL,
                    "unthanked": None,
                    "links": {"apple": None, "google": None, "ecard": "https://cards.example.org/card/…"},
                }
            ]
        }
    )

    member: str
    card: str
    unthanked: str | None
    links: Links


class Member(Answer):
    """Empty text where nothing is known; `erased` says when a member was forgotten."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"member": _MEMBER, **_ANNA, "joined": 1_790_000_000, "erased": None, "cards": [_SERIAL]}]
        }
    )

    member: str
    name: str
    email: str
    phone: str
    language: str
    external_id: str | None
    birth_month: int | None
    joined: int
    erased: int | None
    cards: list[str]


class Members(Answer):
    members: list[Member]
    next: str | None


class Search(Page):
    query: Annotated[
        str, Field(max_length=200, description="The start of a name, or an e-mail, phone, card number or external id.")
    ] = ""


class Changes(Body):
    """Only what is sent changes; null removes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"phone": "+48600100300", "email": None}]})

    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    language: Language = "en"
    external_id: ExternalId | None = None
    birth_month: Month | None = None


class Further(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"programme": "cafe"}]})

    programme: ProgrammeKey


class Given(Answer):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "card": _SERIAL,
                    "links": {"apple": None, "google": None, "ecard": "https://cards.example.org/card/…"},
                }
            ]
        }
    )

    card: str
    links: Links


class MemberPath(Body):
    member: Place


@operation(members, "post", "/members", "members:write", Joined, status=201)
def join(body: Join, header: Once) -> tuple[Response, int]:
    """Join somebody: a new member with a card in the programme.

    The welcome gift, if the programme promises one, is on the card. Hand the person one of the links.
    """
    here = service()

    def do(tx: Connection) -> Said:
        joined = here.members.join(tx, body.programme, _person(body, here), here.now, body.friend)
        return 201, {"member": joined.member, "card": joined.serial, "unthanked": joined.unthanked}

    def with_links(tx: Connection, said: dict[str, Any]) -> dict[str, Any]:
        return said | {"links": links(here, cards.by_serial(tx, said["card"]))}

    return once(header.key, do, with_links)


@operation(members, "get", "/members", "members:read", Members)
def search(query: Search) -> Response:
    """Find members, the longest-standing first."""
    here = service()
    with here.store.reading() as tx:
        found, following = here.members.search(tx, query.query, query.after or 0, query.limit)
    return listed("members", [asdict(profile) for profile in found], following)


@operation(members, "get", "/members/<member>", "members:read", Member)
def show(path: MemberPath) -> Response:
    """Show a member."""
    with service().store.reading() as tx:
        return jsonify(asdict(service().members.find(tx, path.member)))


@operation(members, "patch", "/members/<member>", "members:write", Member)
def change(path: MemberPath, body: Changes, header: Once) -> tuple[Response, int]:
    """Change what is known of a member; the cards follow."""
    here = service()

    def do(tx: Connection) -> Said:
        return 200, {"member": here.members.change(tx, path.member, _changes(body), here.now).member}

    def as_it_is(tx: Connection, said: dict[str, Any]) -> dict[str, Any]:
        return asdict(here.members.find(tx, said["member"]))

    return once(header.key, do, as_it_is)


@operation(members, "post", "/members/<member>/cards", "members:write", Given, status=201)
def give_card(path: MemberPath, body: Further, header: Once) -> tuple[Response, int]:
    """Give a member a card in one programme more."""
    here = service()

    def do(tx: Connection) -> Said:
        return 201, {"card": here.members.give_card(tx, path.member, body.programme, here.now)}

    def with_links(tx: Connection, said: dict[str, Any]) -> dict[str, Any]:
        return said | {"links": links(here, cards.by_serial(tx, said["card"]))}

    return once(header.key, do, with_links)


@operation(members, "delete", "/members/<member>", "members:write", None, status=204)
def erase(path: MemberPath) -> tuple[str, int]:
    """Erase a member: forget who it was and end the cards.

    The ledger keeps its sums without a name. It cannot be undone; erasing again changes nothing.
    """
    with service().store.transaction() as tx:
        service().members.erase(tx, path.member, service().now)
    return "", 204


def links(here: Service, held: cards.Held) -> dict[str, str | None]:
    """Every way to this card that is set up here."""
    revision = held.revision
    offered = [wallet for wallet in here.wallets.values() if wallet.is_offered(revision.card)]
    return dict.fromkeys(Links.model_fields) | {wallet.name: wallet.link(revision) for wallet in offered}


def _person(body: Join, here: Service) -> Person:
    return Person(
        language=body.language or here.settings.shop.language,
        name=body.name,
        email=body.email,
        phone=body.phone,
        external_id=body.external_id,
        birth_month=body.birth_month,
        agreements=tuple(Agreement(c.purpose, c.text_hash or "", c.source) for c in body.consents),
    )


def _changes(body: Changes) -> dict[str, Any]:
    sent = body.model_dump(include=body.model_fields_set)
    return {name: "" if value is None and name in ("name", "email", "phone") else value for name, value in sent.items()}
