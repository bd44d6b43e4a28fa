"""The two addresses of a till that works without a connection: what it may do alone, and what it did.

The device's key is the only credential, because the login may be over when the connection comes back. No other
site can send these: the key's cookie does not leave with a request of another site, and only JSON is taken.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, jsonify, request
from flask_security import current_user

from ... import cards, credentials, offline, programmes, shifts, tills
from ...cards import Held
from ...errors import BadInput, Forbidden, NotFound, PassesError, Unauthorised
from ...offline import Queued, Refusal, Result
from ...store import Connection
from ...words import minor_digits
from ..api import bodies
from ..current import service
from ..login import enrolled
from ..login.backstage import refuse, to_login, words
from . import sale, scan

MOST_BODY_BYTES = 64 * 1024

offline_till = Blueprint("offline", __name__, url_prefix="/staff")
offline_till.register_error_handler(PassesError, refuse)


@offline_till.before_request
def _know_the_till() -> Any:
    with service().store.reading() as tx:
        known = enrolled.till(tx) is not None
    if known:
        return None
    if not current_user.is_authenticated:
        return to_login()
    raise Forbidden("This device is no enrolled till. A manager can make it one.")


@offline_till.get("/offline")
def permit() -> Any:
    """For the shift that is open at this till."""
    here = service()
    keys = [{"id": each.id, "public": each.key} for each in credentials.public_keys(here.secrets)]
    with here.store.transaction() as tx:
        till = enrolled.working(tx)
        if till is None:
            raise Forbidden("This till was revoked.")
        shift = shifts.running(tx, till.id, here.now)
        if shift is None:
            raise Unauthorised("No shift is open at this till; start one by PIN.")
        tills.saw(tx, till.id, here.now)
        given = offline.permit(tx, here.settings.till, till, shift, keys, here.now)
        given["programmes"] = [_programme(each) for each in programmes.all(tx)]
    given["words"] = words().under("till")
    return jsonify(given)


@offline_till.post("/sync")
def sync() -> Any:
    """Count what the till did alone, one by one in its own order."""
    here = service()
    results = [_settle(queued) for queued in sorted(_actions(), key=lambda queued: queued.seq)]
    with here.store.transaction() as tx:
        if till := enrolled.till(tx):
            tills.saw(tx, till.id, here.now)
    return jsonify(results=[_told(result) for result in results])


def _settle(queued: Queued) -> Result:
    here = service()
    with here.store.transaction() as tx:
        till = enrolled.till(tx, lock=True)
        if till is None:
            raise Forbidden("This device is no enrolled till.")
        return offline.settle(tx, here.settings.till, _find, till, queued, here.now, here.settings.zone)


def _find(tx: Connection, code: str) -> Held:
    """The card behind what was scanned or typed; whatever else it is, by name."""
    said = scan.read(code, cards.code_keys(service().secrets))
    if isinstance(said, scan.Coupon | scan.Claim):
        raise Refusal("foreign", "This is a coupon or a receipt's claim, not a card.")
    if isinstance(said, scan.Wrong):
        raise Refusal(said.why, "This is not a code of ours.")
    try:
        if isinstance(said, scan.Number):
            return cards.by_number(tx, said.digits, lock=True)
        return cards.by_known(tx, said.known, lock=True)
    except NotFound:
        raise Refusal("unknown", "There is no such card.") from None
    except cards.CodeRevoked as revoked:
        raise Refusal(revoked.code, str(revoked)) from None


def _actions() -> list[Queued]:
    raw = request.get_data()
    if len(raw) > MOST_BODY_BYTES:
        abort(413)
    bodies.check(request)
    body = bodies.parse(raw or b"{}")
    if set(body) != {"till_seq_from", "actions"}:
        raise BadInput("A queue has till_seq_from and actions, and nothing else.", field="actions")
    first, actions = body["till_seq_from"], body["actions"]
    if not isinstance(actions, list) or not len(actions) <= offline.MOST_ACTIONS:
        raise BadInput(f"actions is a list of at most {offline.MOST_ACTIONS}.", field="actions")
    if isinstance(first, bool) or not isinstance(first, int) or first < 1:
        raise BadInput("till_seq_from is the number of the first action.", field="till_seq_from")
    return [offline.read(raw, place) for place, raw in enumerate(actions)]


def _told(result: Result) -> dict[str, Any]:
    said = words()
    key = f"manage.why.{result.why}" if result.why else f"manage.outcome.{result.outcome}"
    sentence = said.say(key if said.has(key) else "manage.why.other")
    told: dict[str, Any] = {"id": result.id, "outcome": result.outcome, "why": sentence}
    return told if result.balance is None else told | {"balance": result.balance}


def _programme(programme: programmes.Programme) -> dict[str, Any]:
    promised = programme.definition
    stepper = sale.stamps(promised, words(programme.promise.look))
    return {
        "key": promised.key,
        "unit": promised.unit,
        "currency": promised.currency,
        "digits": minor_digits(promised.currency),
        "earn": promised.earn.model_dump(),
        "stamps": stepper and {name: getattr(stepper, name) for name in ("label", "button", "most", "leads")},
    }
