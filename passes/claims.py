"""Claims: purchases without a card, each kept under its receipt's number until somebody's card claims it.

The code is derived from a key of ours and kept as a hash alone: whoever reads the store can claim nothing, and the
code can be shown again. Claiming locks the claim's row and posts an ordinary receipt under the purchase's own number,
which a programme counts once: of two people at once exactly one gets it, and the same card asks again without effect.
It is judged as of the claim, like what a till did without a connection: ends of points, caps and tiers all go by the
time of posting, and no card can be judged as it stood before. No personal data is here.
"""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update

from . import actions, cards, claimcodes, giftcards, programmes, rights, tries
from .cards import Held
from .config import Settings, TillSection
from .errors import BadInput, Conflict, KeyReused, NotFound, TooManyTries
from .points import receipts
from .points.orders import Answer, Order
from .points.plans import for_anybody
from .points.rules import MAIN
from .programmes import Programme
from .secrets import NONCE_BYTES, Secrets
from .staff import Person, Presence
from .store import Connection, Row, Store, insert_into
from .store import tables as t
from .tries import Counter
from .zones import end_of_day

FREE_TRIES = 20
KEPT_SECONDS = 90 * 86_400
"""For how long after its end a claim can still be told from a code that never was."""

_LABEL = "claim"
_INSTEAD = {"card": "the code of a card", "join": "the link to a new card", "coupon": "the code of a coupon"}


class ClaimUnknown(NotFound):
    code = "claim_unknown"

    def __init__(self) -> None:
        super().__init__("There is no receipt to claim with this code.", field="code")


class NotAClaim(BadInput):
    """Something else of ours: a card, a link to join, a coupon; `code` says which."""

    def __init__(self, what: str) -> None:
        super().__init__(f"This is {_INSTEAD[what]}; expected was the code on a receipt.", field="code")
        self.code = f"claim_{what}"


class ClaimTaken(Conflict):
    code = "claim_taken"


class ClaimOver(Conflict):
    """Too late; `ended` is when."""

    code = "claim_over"

    def __init__(self, ended: int, zone: ZoneInfo) -> None:
        super().__init__(f"This receipt could be claimed until {_day(ended - 1, zone)}; it is too late.", field="code")
        self.ended = ended


class ClaimVoid(Conflict):
    """The till took it back."""

    code = "claim_void"


class ClaimOfAnother(Conflict):
    """It is of another programme than the card."""

    code = "claim_of_another"


class ItsAClaim(Conflict):
    """A claim's code was scanned where a card was expected; the sentence says how it stands."""

    code = "claim"


@dataclass(frozen=True)
class Maker:
    """Who makes a claim: the stamp that its receipt will bear, and the person at the till if it is one."""

    stamp: str
    who: Presence | None = None


def make(
    tx: Connection, secrets: Secrets, programme: Programme, order: Order, maker: Maker, days: int, now: int
) -> tuple[Row, bool]:
    """The purchase, kept for whoever brings its code, and whether it was before: the same number, the same claim."""
    for row in _of_number(tx, order.receipt, programme.key):
        return _same(row, order), True
    _refuse_what_no_card_could_have(tx, programme, order, now)
    nonce, key_id = random.token_bytes(NONCE_BYTES), secrets.current
    values = {
        "programme_id": programme.id,
        "receipt": order.receipt,
        "fingerprint": order.fingerprint,
        "content": order.content,
        "nonce": nonce,
        "key_id": key_id,
        "hash": _hash(_code(secrets, nonce, key_id)),
        "staff": maker.stamp,
        "staff_id": maker.who.person.id if maker.who else None,
        "shift_id": maker.who.shift_id if maker.who else None,
        "created": now,
        "ends": end_of_day(now, days, programme.definition.zone),
    }
    # Should another make the same at this very moment, theirs is as good.
    made = tx.execute(insert_into(tx, t.Claim).values(values).on_conflict_do_nothing()).rowcount == 1
    return _same(of_receipt(tx, order.receipt, programme.key), order), not made


def code(secrets: Secrets, row: Row) -> str:
    """What is printed; see `claimcodes` for its forms."""
    return _code(secrets, row.nonce, row.key_id)


def find(tx: Connection, brought: str) -> Row:
    """The claim whose code this is, as link or letters; anything else of ours is called by its name."""
    known = claimcodes.read(brought)
    row = known and tx.execute(_all().where(t.Claim.hash == _hash(known))).first()
    if row:
        return row
    if what := claimcodes.instead(brought):
        raise NotAClaim(what)
    raise ClaimUnknown


def of_receipt(tx: Connection, receipt: str, programme: str | None = None) -> Row:
    """The claim of this receipt; needs the programme's key where several use the number."""
    found = _of_number(tx, receipt, programme)
    if len(found) != 1:
        raise NotFound("There is no claim of a receipt with this number.", field="receipt")
    return found[0]


def state(row: Row, now: int) -> str:
    """How it stands: open, claimed, void or expired."""
    if row.claimed is not None:
        return "claimed"
    if row.voided is not None:
        return "void"
    return "open" if now < row.ends else "expired"


def since(row: Row) -> int:
    """An instant of the day on which it was claimed or taken back; of its last one while it is or was open."""
    return int(row.claimed or row.voided or row.ends - 1)


def worth(programme: Programme, order: Order, now: int) -> dict[str, int]:
    """About how much of each unit it brings: what somebody would get who has nothing yet."""
    definition = programme.at(now).definition
    brought: dict[str, int] = {}
    for grant in for_anybody(programme, order, now).grants:
        unit = definition.unit if grant.unit == MAIN else grant.unit
        brought[unit] = brought.get(unit, 0) + grant.amount
    return brought


def bought(row: Row) -> Order:
    """What was bought."""
    return Order(**row.content)


def count_try(tx: Connection, secrets: Secrets, who: str, brought: str, now: int) -> None:
    """Before anybody's code is looked at: in a transaction of its own, so that a wrong one stays counted."""
    counter = Counter(secrets.derive("tries", _LABEL.encode(), who.encode()), FREE_TRIES)
    if wait := tries.begin(tx, [counter], now):
        raise TooManyTries("Too many codes were tried that are of no receipt", wait, field="code")
    try:
        find(tx, brought)
    except NotFound:
        return
    except NotAClaim:
        """Nobody guesses with these."""
    tries.give_back(tx, counter)


def bring(store: Store, secrets: Secrets, settings: Settings, serial: str, brought: str, who: str, now: int) -> Answer:
    """Put it on this card, tried by `who`. Whoever tries it with what they made themselves is in the log."""
    with store.transaction() as tx:
        count_try(tx, secrets, who, brought, now)
    try:
        with store.transaction() as tx:
            held = cards.by_serial(tx, serial, lock=True)
            return claim(tx, settings.till, settings.zone, held, brought, now)
    except rights.OwnCard as refused:
        with store.transaction() as tx:
            if (maker := _maker(tx, find(tx, brought))) is not None:
                card_id = cards.by_serial(tx, serial).id
                actions.write(tx, maker, "claim", refused.code, now, card_id=card_id)
        raise


def claim(tx: Connection, rules: TillSection, zone: ZoneInfo, held: Held, brought: str, now: int) -> Answer:
    """The purchase as a receipt of this card, whose row the caller holds; again: what was told the first time."""
    row = _locked(tx, find(tx, brought))
    if row.programme_id != held.row.programme_id:
        raise ClaimOfAnother(f"This receipt is for cards of {row.programme}.", field="code")
    if row.card_id not in (None, held.id):
        raise ClaimTaken("This receipt was claimed already, with another card.", field="code")
    maker = _maker(tx, row)
    if row.card_id is None:
        _refuse_unless_open(tx, row, now)
        if maker is not None:
            rights.refuse_own_card(tx, maker, held.id)
    try:
        answer = receipts.post(tx, held, bought(row), now, row.staff)
    except KeyReused:
        # The shop's system counted the purchase on a card after all.
        raise ClaimTaken("This receipt was counted already.", field="code") from None
    if row.card_id is None:
        tx.execute(update(t.Claim).where(t.Claim.id == row.id).values(card_id=held.id, claimed=now))
        if maker is not None and not answer.repeated:
            _note(tx, rules, zone, maker, held, row, answer, now)
    return answer


def void(tx: Connection, row: Row, now: int, why: str = "") -> Row:
    """Nobody can claim it any more, for this reason; twice is as once. One that somebody has claimed is refused."""
    row = _locked(tx, row)
    if row.claimed is not None:
        raise ClaimTaken("This receipt was claimed already; take the receipt itself back.", field="receipt")
    if row.voided is None:
        tx.execute(update(t.Claim).where(t.Claim.id == row.id).values(voided=now, why=why))
    return _locked(tx, row)


def told(tx: Connection, brought: str, now: int) -> ItsAClaim:
    """What to tell whoever scanned it where a card was expected."""
    row = find(tx, brought)
    day = _day(since(row), programmes.get(tx, row.programme_id).definition.zone)
    stands = {
        "open": f"It can be claimed until {day}.",
        "claimed": f"It was claimed on {day}.",
        "expired": f"It could be claimed until {day}.",
        "void": f"It was taken back on {day}.",
    }[state(row, now)]
    sentence = "This is the claim of a receipt; the customer adds it on their phone."
    return ItsAClaim(f"{sentence} {stands}", field="code")


def forget_old(tx: Connection, now: int) -> None:
    """Long over, claimed or not: what was bought is in the receipt of whoever claimed it."""
    tx.execute(delete(t.Claim).where(t.Claim.ends < now - KEPT_SECONDS))


def _of_number(tx: Connection, receipt: str, programme: str | None) -> Sequence[Row]:
    query = _all().where(t.Claim.receipt == receipt)
    if programme is not None:
        query = query.where(t.Programme.key == programme)
    return tx.execute(query.limit(2)).all()


def _same(row: Row, order: Order) -> Row:
    if row.fingerprint != order.fingerprint:
        raise KeyReused("This receipt number was used before, with other content.", field="receipt")
    return row


def _refuse_what_no_card_could_have(tx: Connection, programme: Programme, order: Order, now: int) -> None:
    if programme.definition.kind in giftcards.KINDS:
        raise BadInput("Nothing is earned with cards of this programme.", field="programme")
    if not (order.total or order.lines or order.event):
        raise BadInput("A claim needs what was bought: a total, lines or an event.", field="total")
    for_anybody(programme, order, now)
    which = (t.Receipt.programme_id == programme.id, t.Receipt.receipt == order.receipt)
    if tx.execute(select(t.Receipt.id).where(*which)).first():
        raise KeyReused("This receipt number was used before, for a card.", field="receipt")


def _refuse_unless_open(tx: Connection, row: Row, now: int) -> None:
    zone = programmes.get(tx, row.programme_id).definition.zone
    match state(row, now):
        case "void":
            raise ClaimVoid("The till took this receipt back.", field="code")
        case "expired":
            raise ClaimOver(row.ends, zone)


def _note(
    tx: Connection, rules: TillSection, zone: ZoneInfo, maker: Presence, held: Held, row: Row, answer: Answer, now: int
) -> None:
    """In the log as the maker's doing, in whose shift it counts; and against what a card may earn in a day."""
    receipt = receipts.find(tx, row.receipt, row.programme)
    about = {"card_id": held.id, "receipt_id": receipt.id, "amount": answer.body["effects"]["earned"]}
    actions.write(tx, maker, "claim", actions.DONE, now, **about)
    rights.refuse_over_the_day(tx, rules, maker, "claim", held.id, now, zone)


def _maker(tx: Connection, row: Row) -> Presence | None:
    """Who made it, as they were there then; None: the shop's own system."""
    if row.staff_id is None:
        return None
    person = tx.execute(select(t.Staff).where(t.Staff.id == row.staff_id)).one()
    till, location = row.staff.partition("@")[2], row.content.get("location") or ""
    known = Person(person.id, person.key, person.email, person.role, person.name)
    return Presence(known, till, location=location, shift_id=row.shift_id)


def _locked(tx: Connection, row: Row) -> Row:
    """Read again under the lock: another may have been at it in between."""
    return tx.execute(_all().where(t.Claim.id == row.id).with_for_update(of=t.Claim)).one()


def _all() -> Any:
    return select(t.Claim, t.Programme.key.label("programme")).join(t.Programme, t.Programme.id == t.Claim.programme_id)


def _code(secrets: Secrets, nonce: bytes, key_id: str) -> str:
    return claimcodes.of(secrets.derive(_LABEL, nonce, key_id=key_id))


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def _day(at: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d}"
