"""The till's pages. Each reads the form, asks the points store one thing, and shows what came of it.

Everything that counts carries the receipt number that the page was made with: sent twice it counts once. An
action can be undone at the till where it was done, for ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, g, jsonify, redirect, request, session, url_for

from ... import cardpins, cards, conflicts, coupons, giftcards, guests, practice, programmes, rights, staff, stepup
from ...cards import Held
from ...errors import Conflict, KeyReused, NotFound, PassesError
from ...points import receipts, returns
from ...points.orders import Order
from ...programmes import Programme
from ...stepup import Proof
from ...store import Connection, Row
from ...wallets.ecard.face import face
from ...words import minor_digits
from ..current import is_practice, live, service
from ..headers import allow_camera
from ..login.backstage import guard, presence, refuse, sentence, show, wants_json, words
from . import form, sale, scan, shown, slips, verdict
from .attempt import UNDO_SECONDS, attempt, is_fresh, note, whats_of
from .story import tell
from .verdict import Verdict

staff_pages = Blueprint("staff", __name__, url_prefix="/staff")
guard(staff_pages, staff.ROLES)
staff_pages.after_request(allow_camera)


@staff_pages.before_request
def _practise() -> None:
    """The till's pages, and no others, are those of the pretend store for whoever practises."""
    g.practice = "practice" in session


class UndoOver(Conflict):
    """Too late, or done at another till."""

    code = "undo_over"


@staff_pages.get("")
def home() -> Any:
    return _home(None)


@staff_pages.post("/find")
def find() -> Any:
    """The card that was scanned or typed, or what it is instead."""
    said = scan.read(request.form.get("code", "")[:200], cards.code_keys(service().secrets))
    if isinstance(said, scan.Wrong):
        note("scan", said.why)
        return _home(verdict.of(said.why)), 422
    if isinstance(said, scan.Coupon):
        note("scan", "coupon")
        return _home(verdict.of_coupon(said.code)), 409
    if isinstance(said, scan.Claim):
        note("scan", "claim")
        return _home(verdict.of_claim(said.code)), 409
    try:
        with service().store.reading() as tx:
            if isinstance(said, scan.Number):
                held = cards.by_number(tx, said.digits)
            else:
                held = cards.by_known(tx, said.known)
                proof = Proof.of(said.known, service().now)
                stepup.refuse_used(tx, held, proof)
                shown.remember(held.serial, proof, service().now)
    except NotFound:
        note("scan", "unknown")
        return _home(verdict.of("unknown")), 404
    except (stepup.CodeUsed, cards.CodeRevoked) as wrong:
        note("scan", wrong.code)
        told = verdict.of_used(wrong) if isinstance(wrong, stepup.CodeUsed) else verdict.of(wrong.code)
        return _home(told), wrong.status
    note("scan", card_id=held.id)
    return redirect(url_for("staff.card", serial=held.serial, total=_bill(request.form)), 303)


@staff_pages.get("/cards/<serial>")
def card(serial: str) -> Any:
    held, programme = _read(serial)
    return _card(held, programme)


@staff_pages.post("/cards/<serial>/quote")
def quote(serial: str) -> Any:
    """What would happen; nothing is stored."""
    held, programme = _read(serial)
    try:
        order = _order(programme)
        with service().store.reading() as tx:
            # Who only asks need not prove who they are: nothing leaves the card.
            body = receipts.quote(tx, held, replace(order, proved=True), service().now)
            asks_pin = bool(body["effects"]["spent"]) and cardpins.has_one(tx, held)
            stepup.check(tx, held, shown.proof(serial, service().now), body["effects"]["spent"], service().now)
    except PassesError as wrong:
        return refuse(wrong) if wants_json() else (_card(held, programme, wrong), wrong.status)
    said = words(programme.promise.look)
    story = tell(body, programme, said, order.total)
    if wants_json():
        told = {"change": story.change, "balance": story.balance, "bill": story.bill, "sentences": story.sentences}
        return jsonify(**told, pin=asks_pin)
    reward = next((r for r in programme.definition.rewards if r.key == order.reward), None)
    kept, name = form.kept(request.form), said.pick(reward.name) if reward else ""
    about = {"story": story, "kept": kept, "reward": name, "asks_pin": asks_pin}
    return show("staff/quote.html", words=said, serial=serial, **about, **_who(held))


@staff_pages.post("/cards/<serial>/receipts")
def post(serial: str) -> Any:
    """Do it, once."""
    held, programme = _read(serial)
    try:
        order = _proved(held, _order(programme))
        with attempt(*whats_of(order)) as doing:
            held = doing.on(cards.by_serial(doing.tx, serial, lock=True))
            answer = receipts.post(doing.tx, held, order, service().now, doing.who.stamp)
            doing.came_to(held, order.receipt, answer)
            spent = 0 if answer.repeated else answer.body["effects"]["spent"]
            stepup.settle(doing.tx, held, shown.proof(serial, service().now), spent, service().now)
    except PassesError as wrong:
        return refuse(wrong) if wants_json() else (_card(held, programme, wrong), wrong.status)
    if not answer.repeated:
        # Whoever showed it may be gone before the next one.
        shown.forget()
        session["last"] = [serial, order.receipt, service().now]
    return to_done(serial, order.receipt)


@staff_pages.get("/cards/<serial>/receipts/<receipt>")
def done(serial: str, receipt: str) -> Any:
    """What was done, and why."""
    with service().store.reading() as tx:
        held, row = _mine(tx, serial, receipt)
        programme = programmes.of_card(tx, held)
    said = words(programme.promise.look)
    return show(
        "staff/done.html",
        words=said,
        serial=serial,
        receipt=receipt,
        story=tell(row.answer, programme, said, row.content.get("total", 0)),
        taken_back=row.reverses is not None,
        undone=row.reversed_by is not None,
        may_undo=_may_undo(row),
        **_who(held),
    )


@staff_pages.get("/cards/<serial>/receipts/<receipt>/undo")
def ask_undo(serial: str, receipt: str) -> Any:
    with service().store.reading() as tx:
        held, row = _mine(tx, serial, receipt)
        programme = programmes.of_card(tx, held)
    if not _may_undo(row):
        if is_practice():
            return to_done(serial, receipt)
        return redirect(url_for("staff.ask_back", serial=serial, receipt=receipt), 303)
    said = words(programme.promise.look)
    story = tell(row.answer, programme, said)
    return show("staff/undo.html", words=said, serial=serial, receipt=receipt, story=story, **_who(held))


@staff_pages.post("/cards/<serial>/receipts/<receipt>/undo")
def undo(serial: str, receipt: str) -> Any:
    """Take the receipt back. The reversal's number follows from the receipt's: twice is once."""
    reversal = f"{receipt}-undone"
    with attempt("undo") as doing:
        held, row = _mine(doing.tx, serial, receipt, lock=True)
        doing.on(held)
        doing.repeated = row.reversed_by is not None
        if not doing.repeated:
            if not _may_undo(row):
                raise UndoOver("This can no longer be undone here.")
            answer = returns.reverse(doing.tx, held, row, reversal, service().now, doing.who.stamp)
            doing.came_to(held, reversal, answer)
    session.pop("last", None)
    return to_done(serial, reversal)


def _home(told: Verdict | None) -> str:
    total = _bill(request.form if request.method == "POST" else request.args)
    unsettled = 0
    if rights.may(presence().person.role, "conflicts"):
        with live().store.reading() as tx:
            unsettled = conflicts.waiting(tx)
    about = {"last": _last(), "total": total, "training": _training(), "unsettled": unsettled}
    return show("staff/home.html", verdict=told, **about)


def _order(programme: Programme) -> Order:
    """What the form asks for."""
    codes, kinds = form.coupon_codes(request.form), dict[str, str]()
    if codes:
        with service().store.reading() as tx:
            kinds = coupons.kinds(tx, programme, codes)
    return form.order(request.form, programme, kinds, presence().location)


def _proved(held: Held, order: Order) -> Order:
    """The order, proved if the card's PIN was typed along. A wrong try is in the log; what was typed is nowhere."""
    here = service()
    try:
        is_proved = cardpins.prove(here.store, here.secrets, held.serial, form.pin(request.form), here.now)
    except PassesError as wrong:
        note("pin", wrong.code, held.id)
        raise
    return replace(order, proved=is_proved)


def _bill(given: Mapping[str, str]) -> str | None:
    """The bill as a till's own system hands it over, in `total`; shown in the form, never counted by itself."""
    return given.get("total", "")[:14] or None


def _card(held: Held, programme: Programme, wrong: PassesError | None = None) -> str:
    """The card's page; when something was refused, with what was typed and why."""
    said = words(programme.promise.look)
    drawn, definition = held.revision.card, programme.definition
    zone, now = service().settings.zone, service().now
    seen = face(drawn, said, zone, now)
    with service().store.reading() as tx:
        has_pin = cardpins.has_one(tx, held)
        guest = guests.of(tx, held)
    # A number that counted for something else is spent; any other was never used and goes on.
    fresh = wrong is None or isinstance(wrong, KeyReused) or wrong.field == "receipt"
    return show(
        "staff/card.html",
        words=said,
        serial=held.serial,
        verdict=verdict.of_card(drawn, definition, said, zone),
        hints=sale.hints(drawn, seen, said, zone, now, guest),
        balances=sale.balances(drawn, said),
        rewards=[(r.key, line) for r, line in zip(drawn.rewards, seen.rewards, strict=True)],
        tickets=sale.tickets(drawn, definition, said, zone, now),
        stepper=sale.stepper(drawn, definition, said),
        takes_codes=bool(definition.promos or definition.coupons),
        look=service().looks.get(drawn.look),
        currency=definition.currency,
        digits=minor_digits(definition.currency),
        receipt=form.new_receipt() if fresh else request.form.get("receipt", ""),
        typed=form.typed(request.form, _bill(request.args)),
        wrong=sentence(wrong, said) if wrong else "",
        wrong_field=wrong.field if wrong else None,
        purse=sale.purse(drawn, definition, said),
        has_pin=has_pin,
        may_gift=drawn.kind not in giftcards.KINDS,
        face=seen,
        name=drawn.name or said.say("staff.no_name"),
    )


def _who(held: Held) -> dict[str, Any]:
    drawn = held.revision.card
    said = words(drawn.look)
    return {
        "face": face(drawn, said, service().settings.zone, service().now),
        "name": drawn.name or said.say("staff.no_name"),
    }


def _read(serial: str) -> tuple[Held, Programme]:
    store = service().store
    held = cards.glance_by_serial(store, serial)
    return held, programmes.glance_of_card(store, held)


def _mine(tx: Connection, serial: str, receipt: str, lock: bool = False) -> tuple[Held, Row]:
    """A receipt of this card that this person made; another's is as good as none."""
    held = cards.by_serial(tx, serial, lock)
    row = receipts.find(tx, receipt[:100], held.row.programme)
    if row.card_id != held.id or row.staff.partition("@")[0] != presence().person.key:
        raise NotFound("There is no receipt with this number.", field="receipt")
    return held, row


def _may_undo(row: Row) -> bool:
    return is_fresh(row) and row.reverses is None and row.reversed_by is None


def _training() -> dict[str, Any] | None:
    """Who can be practised with, and which tasks are done; none: this is no practice."""
    if not is_practice():
        return None
    with service().store.reading() as tx:
        done = practice.done(tx, presence().person, session["practice"])
        names = {each.key: words().pick(each.promise.name) for each in programmes.all(tx)}
        members = [(names[key], people) for key, people in practice.pretended(tx).items()]
    tasks = [(task, task in done) for task in practice.TASKS]
    return {"since": session["practice"], "members": members, "tasks": tasks}


def _last() -> dict[str, str] | None:
    """The latest action at this till, while it can be undone: whose it was, what it did, and where it is undone."""
    serial, receipt, at = session.get("last") or ("", "", 0)
    if service().now - at > UNDO_SECONDS:
        return None
    with service().store.reading() as tx:
        if not serial:
            return slips.last(tx, receipt)
        try:
            held, row = _mine(tx, serial, receipt)
        except NotFound:
            return None
        programme = programmes.of_card(tx, held)
    if not _may_undo(row):
        return None
    story = tell(row.answer, programme, words(programme.promise.look))
    undo = url_for("staff.ask_undo", serial=serial, receipt=receipt)
    return {"undo": undo, "name": _who(held)["name"], "change": story.change}


def to_done(serial: str, receipt: str) -> Any:
    address = url_for("staff.done", serial=serial, receipt=receipt)
    return jsonify(next=address) if wants_json() else redirect(address, 303)
