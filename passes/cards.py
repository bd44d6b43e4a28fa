"""Finds a card by what the world knows it by, and says what the store holds of it.

The outside never sees row numbers: it has a serial, a code, a number or a link. Whoever means to change
a card finds it with `lock=True`, which keeps it from every other writer until the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update

from . import codes, credentials
from .card import Card, Revision
from .errors import CardNotActive, LinkRevoked, NotFound, PassesError
from .points.tiers import Place
from .secrets import Secrets, same, url_text
from .store import Connection, Row, Store
from .store import tables as t

CODE_LABEL = "code"
ROTATING_LABEL = "rotating-code"
ROTATING_KEY_BYTES = 20
LINK_LABEL = "card-link"
_LINKS_REMEMBERED = 20

_COLUMNS = (
    t.Card.id,
    t.Card.serial,
    t.Card.number,
    t.Card.code_id,
    t.Card.programme_id,
    t.Card.member_id,
    t.Card.status,
    t.Card.tier,
    t.Card.nonce,
    t.Card.key_id,
    t.Card.link_version,
    t.Card.active,
    t.Card.tier_since,
    t.Card.tier_until,
    t.Card.created,
    func.coalesce(t.Purse.balance, 0).label("balance"),
    func.coalesce(t.Purse.earned, 0).label("earned"),
    t.Card.revision,
    t.Card.modified,
    t.Card.face,
    t.Card.fetched,
    t.Card.next_change,
    t.Programme.version.label("programme_version"),
    t.Programme.key.label("programme"),
)


class CodeRevoked(PassesError):
    status = 410
    code = "code_revoked"

    def __init__(self) -> None:
        super().__init__(
            "This code comes from a link to the card that was taken back; ask for the card's newest one.", field="code"
        )


@dataclass(frozen=True)
class Held:
    """A card as the store holds it."""

    row: Row

    @property
    def id(self) -> int:
        return int(self.row.id)

    @property
    def serial(self) -> str:
        return str(self.row.serial)

    @property
    def active(self) -> int:
        """When something happened to the card last."""
        return int(self.row.active or self.row.created)

    @property
    def place(self) -> Place:
        return Place(self.row.tier, self.row.tier_since, self.row.tier_until)

    @property
    def revision(self) -> Revision:
        row = self.row
        return Revision(Card.from_json(row.face), row.revision, row.modified, row.nonce, row.key_id)

    def refuse_unless_active(self) -> None:
        if self.row.status != "active":
            raise CardNotActive(f"This card is {self.row.status}; nothing can be earned or spent with it.")

    def refuse_taken_back(self, known: codes.Known) -> None:
        if known.generation not in (None, self.row.link_version):
            raise CodeRevoked


def by_serial(tx: Connection, serial: str, lock: bool = False) -> Held:
    return _found(tx, "serial", serial[:64], lock)


def by_number(tx: Connection, number: str, lock: bool = False) -> Held:
    return _found(tx, "number", "".join(number.split())[:32], lock)


def by_known(tx: Connection, known: codes.Known, lock: bool = False) -> Held:
    """The card that a code of ours names, unless the code came by a link that was taken back."""
    held = _found(tx, "code_id", known.id, lock)
    held.refuse_taken_back(known)
    return held


def read_code(scanned: str, secrets: Secrets) -> codes.Known:
    """What the code says, without a look at the store; a code that is none of ours is refused."""
    match codes.read(scanned, *code_keys(secrets)):
        case codes.Known() as known:
            return known
        case codes.Forged():
            raise NotFound("This looks like one of our codes but was not issued by us; do not accept it.", field="code")
        case codes.Foreign():
            raise NotFound("This code is not one of our cards.", field="code")


def by_link(tx: Connection, serial: str, key: str, secrets: Secrets) -> Held:
    """The card behind a member's link; a wrong key and an unknown card give the same answer."""
    return _opened(find(tx, "serial", serial[:64]), serial[:64], key, secrets)


def glance_by_link(store: Store, serial: str, key: str, secrets: Secrets) -> Held:
    """As `by_link`, for whoever looks at nothing else of the store."""
    return _opened(glance(store, serial[:64]), serial[:64], key, secrets)


def find(tx: Connection, by: str, value: object, lock: bool = False) -> Held | None:
    """The card whose `by` (id, serial, number or code_id) is this value."""
    row = tx.execute(_FIND[by, lock], {"b_value": value}).first()
    return Held(row) if row else None


def many(tx: Connection, ids: Sequence[int]) -> list[Held]:
    """The cards with these rows, which the caller holds already."""
    return [Held(row) for row in tx.execute(_FIND_MANY, {"ids": ids})]


def glance(store: Store, serial: str) -> Held | None:
    """The card of this serial number, for whoever looks at nothing else of the store."""
    rows = store.glance(_FIND["serial", False], b_value=serial)
    return Held(rows[0]) if rows else None


def glance_by_serial(store: Store, serial: str) -> Held:
    """As `by_serial`, for whoever looks at nothing else of the store."""
    held = glance(store, serial[:64])
    if held is None:
        raise _no_such_card()
    return held


def set_status(tx: Connection, held: Held, status: str) -> None:
    """Block, close or open a card again; the caller records its revision."""
    tx.execute(update(t.Card).where(t.Card.id == held.id).values(status=status))


def accept_step(tx: Connection, card_id: int, step: int) -> bool:
    """Whether this rotating code is accepted; each is once, and none that is older than one accepted before."""
    card = t.table(t.Card)
    newer = (card.c.id == card_id, card.c.last_step < step)
    return tx.execute(update(card).where(*newer).values(last_step=step)).rowcount == 1


def revoke_links(tx: Connection, held: Held) -> None:
    """Every link to the card given out so far stops working."""
    tx.execute(update(t.Card).where(t.Card.id == held.id).values(link_version=t.Card.link_version + 1))


def link_key(secrets: Secrets, serial: str, nonce: bytes, link_version: int, key_id: str) -> str:
    """What makes a link to a card impossible to guess: 128 bits as 22 characters."""
    version = link_version.to_bytes(4, "big")
    return url_text(secrets.derive(LINK_LABEL, serial.encode(), nonce, version, key_id=key_id)[:16])


def proof(secrets: Secrets, key_id: str) -> codes.Prove:
    """How static codes are proved under one of our keys."""
    return lambda id: secrets.derive(CODE_LABEL, id, key_id=key_id)


def rotating_keys(secrets: Secrets, id: bytes, generation: int, key_id: str) -> tuple[bytes, ...]:
    """The keys by which the card's phone makes its rotating codes; links that are taken back take theirs along."""
    parts = (id, generation.to_bytes(4, "big"))
    places = (bytes([place]) for place in range(codes.ROTATING_KEYS))
    return tuple(secrets.derive(ROTATING_LABEL, *parts, place, key_id=key_id)[:ROTATING_KEY_BYTES] for place in places)


def code_keys(secrets: Secrets) -> list[codes.Key]:
    """How codes of every version are checked, under each of our keys."""
    return [_code_key(secrets, key_id) for key_id in secrets.ids()]


def _code_key(secrets: Secrets, key_id: str) -> codes.Key:
    signer = credentials.signer(secrets, key_id)

    def rotate(id: bytes, generation: int) -> tuple[bytes, ...]:
        return rotating_keys(secrets, id, generation, key_id)

    return codes.Key(proof(secrets, key_id), rotate, signer.id, signer.is_signed)


def _opened(held: Held | None, serial: str, key: str, secrets: Secrets) -> Held:
    nonce, key_id = (held.row.nonce, held.row.key_id) if held else (bytes(16), secrets.current)
    newest = int(held.row.link_version) if held else 1
    if same(key, link_key(secrets, serial, nonce, newest, key_id)) and held is not None:
        return held
    earlier = range(max(1, newest - _LINKS_REMEMBERED), newest)
    if held and any(same(key, link_key(secrets, serial, nonce, version, key_id)) for version in earlier):
        raise LinkRevoked("This link was taken back; a newer one opens the card.")
    raise NotFound("There is no card behind this link.")


def _found(tx: Connection, by: str, value: object, lock: bool) -> Held:
    held = find(tx, by, value, lock)
    if held is None:
        raise _no_such_card()
    return held


def _no_such_card() -> NotFound:
    return NotFound("There is no such card.")


def _joined() -> Select[*tuple[Any, ...]]:
    query = select(*_COLUMNS).join(t.Programme, t.Programme.id == t.Card.programme_id)
    return query.outerjoin(t.Purse, (t.Purse.card_id == t.Card.id) & (t.Purse.unit == ""))


def _finding(by: str, lock: bool) -> Select[*tuple[Any, ...]]:
    card = t.table(t.Card)
    query = _joined().where(card.c[by] == bindparam("b_value"))
    # "No key": whoever writes a row that belongs to the card need not wait for us, so no two wait for each other.
    return query.with_for_update(of=card, key_share=True) if lock else query


# Built once, because putting such a statement together costs more than running it.
_FIND = {(by, lock): _finding(by, lock) for by in ("id", "serial", "number", "code_id") for lock in (False, True)}
_FIND_MANY = _joined().where(t.Card.id.in_(bindparam("ids", expanding=True)))
