"""The console's pages. Publishing is one small write; what follows is counted on the page until all have it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, request, url_for

from ... import controls, idempotency, installations, offers, programmes, progress
from ...errors import KeyReused, NotFound, PassesError
from ...programmes import Programme
from ...reminders import report
from ...store import Row
from ...wallets.apple import devicelog
from ...wallets.ecard.face import face
from ...words import LANGUAGES, OWN_NAMES, Words
from ..current import service
from ..login.backstage import PageTooOld, guard, presence, sentence, show, words
from . import effects, form, reminded
from .form import Filled
from .preview import sample

console = Blueprint("marketer", __name__, url_prefix="/console")
guard(console, ("manager", "owner"))


@dataclass(frozen=True)
class Shown:
    """An offer as the console lists it. `state`: planned, running or ended."""

    key: str
    title: str
    body: str
    audience: str
    period: str
    state: str
    announced: bool
    programme_id: int
    tier: str | None
    control: int


@dataclass(frozen=True)
class Learnt:
    """What an offer has brought, and what was counted. `verdict` stays None while it runs."""

    groups: Sequence[effects.Share]
    verdict: effects.Verdict | None
    note: str


@console.get("")
def home() -> Any:
    with service().store.reading() as tx:
        figures, running = progress.figures(tx), _listed(offers.all(tx, limit=50), programmes.all(tx))
    current = [offer for offer in running if offer.state != "ended"]
    return show("console/home.html", here="home", figures=figures, offers=current, **_progress())


@console.get("/progress")
def progress_part() -> Any:
    """The part of a page that counts down, alone."""
    key = request.args.get("offer", "")
    return show("console/_progress.html", **_progress(key))


@console.get("/offers")
def all_offers() -> Any:
    with service().store.reading() as tx:
        listed = _listed(offers.all(tx), programmes.all(tx))
    return show("console/offers.html", here="offers", offers=listed)


@console.get("/offers/new")
def new_offer() -> Any:
    with service().store.reading() as tx:
        is_worthwhile = controls.fewest_cards(tx) >= controls.WORTHWHILE_CARDS
    control = controls.USUAL_PERCENT if is_worthwhile else 0
    return _form(form.read({"form": secrets.token_urlsafe(18), "control": str(control)}), {})


@console.post("/offers/preview")
def preview() -> Any:
    """The e-card with the offer, and how many will have it; nothing is stored. Also the way back to the form."""
    filled = form.read(request.form)
    wrong, programme = _checked(filled)
    if wrong or programme is None:
        return _form(filled, wrong), 422
    if "edit" in request.form:
        return _form(filled, {})
    draft = form.draft(filled, presence().person.key, service().settings.zone, service().now)
    with service().store.reading() as tx:
        split = controls.split(tx, programme.id, draft.tier, draft.key, draft.control)
    return show(
        "console/preview.html",
        here="offers",
        filled=filled,
        fields=filled.fields,
        cards=[_sampled(programme, draft, language) for language in LANGUAGES],
        look=service().looks.get(programme.promise.look),
        split=split,
        too_few=bool(draft.control) and not split.tells,
        starts_later=draft.starts > service().now,
        period=_period(draft.starts if draft.starts > service().now else None, draft.ends),
        announce=draft.announce,
    )


@console.post("/offers")
def publish() -> Any:
    """Publish, once: the form carries the name it was opened with."""
    filled = form.read(request.form)
    wrong, programme = _checked(filled)
    if wrong or programme is None:
        return _form(filled, wrong), 422
    if not form.is_sending(filled.form):
        raise PageTooOld("This form is not one of ours. Open it again.", field="form")
    now = service().now
    draft = form.draft(filled, presence().person.key, service().settings.zone, now)
    try:
        with service().store.transaction() as tx:

            def do() -> idempotency.Said:
                return 201, {"offer": offers.publish(tx, programmes.find(tx, filled.programme), draft, now)}

            scope = f"console {presence().person.key}"
            _, body = idempotency.once(tx, scope, filled.form, filled.fields, now, do)
    except KeyReused:
        raise PageTooOld("This form was published already, with other words. Open it again.") from None
    except PassesError as refused:
        return _form(filled, {"form": sentence(refused, words())}), refused.status
    return redirect(url_for("marketer.offer", key=body["offer"], published=1), 303)


@console.get("/offers/<key>")
def offer(key: str) -> Any:
    shown = _offer(key)
    published = "published" in request.args and shown.state != "ended"
    learnt = _learnt(key) if shown.state != "planned" else None
    return show("console/offer.html", here="offers", offer=shown, published=published, learnt=learnt, **_progress(key))


@console.get("/offers/<key>/end")
def ask_end(key: str) -> Any:
    shown = _offer(key)
    if shown.state == "ended":
        return redirect(url_for("marketer.offer", key=key), 303)
    with service().store.reading() as tx:
        split = controls.split(tx, shown.programme_id, shown.tier, key, shown.control)
    return show("console/end.html", here="offers", offer=shown, reached=split.given)


@console.post("/offers/<key>/end")
def end(key: str) -> Any:
    with service().store.transaction() as tx:
        offers.end(tx, key[:40], service().now)
    return redirect(url_for("marketer.offer", key=key), 303)


@console.post("/installations/<wallet>/retry")
def retry(wallet: str) -> Any:
    """Somebody has mended the cause: try again what was set aside."""
    if wallet not in service().wallets:
        raise NotFound("There is no such wallet here.")
    with service().store.transaction() as tx:
        installations.retry_set_aside(tx, wallet, service().now)
    key = request.form.get("offer", "")[:40]
    return redirect(url_for("marketer.offer", key=key) if key else url_for("marketer.home"), 303)


@console.get("/reminders")
def reminders() -> Any:
    """When members are reminded of what, and whether more came for it."""
    said, now = words(), service().now
    with service().store.reading() as tx:
        found = [
            (each.definition, report.effects(tx, each, now), report.sent(tx, each), report.second_purchases(tx, each))
            for each in programmes.all(tx)
        ]
    told = [reminded.told(*each, said) for each in found]
    return show("console/reminders.html", here="reminders", programmes=told)


@console.get("/phones")
def phones() -> Any:
    """What phones reported when something did not work there."""
    with service().store.reading() as tx:
        lines = devicelog.recent(tx, 200)
    zone, said = service().settings.zone, words()
    shown = [(line.line, line.cause, said.moment(line.created, zone)) for line in lines]
    return show("console/phones.html", here="phones", lines=shown)


def _progress(key: str = "") -> dict[str, Any]:
    """Where the cards stand: those an offer reaches, or all."""
    with service().store.reading() as tx:
        found = offers.find(tx, key[:40]) if key else None
        standing = progress.standing(tx, *((found.programme_id, found.tier) if found else (None, None)))
        wallets, reasons = installations.count(tx), installations.reasons(tx)
    return {"standing": standing, "wallets": wallets, "reasons": reasons, "offer_key": key}


def _checked(filled: Filled) -> tuple[dict[str, str], Programme | None]:
    with service().store.reading() as tx:
        known = programmes.all(tx)
    wrong = form.problems(filled, known, words(), service().settings.zone, service().now)
    return wrong, next((p for p in known if p.key == filled.programme), None)


def _form(filled: Filled, wrong: Mapping[str, str]) -> str:
    with service().store.reading() as tx:
        known = programmes.all(tx)
    said, here = words(), service()
    choices = [(p.key, said.pick(p.promise.name), _tiers(p, said)) for p in known]
    return show(
        "console/edit.html",
        here="offers",
        filled=filled,
        wrong=wrong,
        programmes=choices,
        own_names=OWN_NAMES.items(),
        zone=here.settings.shop.time_zone,
        now=form.written(here.now, here.settings.zone),
    )


def _sampled(programme: Programme, draft: offers.Draft, language: str) -> dict[str, Any]:
    here, look = service(), programme.promise.look
    said = here.words_in(language, look)
    card = sample(programme, draft, words().say("console.sample"), language, here.now)
    seen = face(card, said, here.settings.zone, here.now)
    written = language in draft.title
    return {"language": language, "own_name": OWN_NAMES[language], "face": seen, "words": said, "written": written}


def _offer(key: str) -> Shown:
    with service().store.reading() as tx:
        row = offers.find(tx, key[:40])
        return _shown(row, programmes.get(tx, row.programme_id), words(), service().now)


def _learnt(key: str) -> Learnt | None:
    """What came of it, where some were left out to compare with."""
    here, said = service(), words()
    with here.store.reading() as tx:
        row = offers.find(tx, key[:40])
        if not row.control:
            return None
        programme = programmes.get(tx, row.programme_id)
        found = controls.outcome(tx, row, here.now)
    if found is None:
        return Learnt((), None, said.say("console.never_ran"))
    verdict = effects.verdict(programme.definition, found.effect, said) if found.is_over else None
    groups = effects.groups(found.effect, said.say("console.given"), said)
    told = "console.counted" if verdict else "console.so_far"
    until = said.moment(found.until, here.settings.zone)
    return Learnt(groups, verdict, said.say(told, date=until, days=controls.LONGEST_DAYS))


def _listed(rows: Sequence[Row], known: Sequence[Programme]) -> list[Shown]:
    by_id = {programme.id: programme for programme in known}
    return [_shown(row, by_id[row.programme_id], words(), service().now) for row in rows]


def _shown(row: Row, programme: Programme, said: Words, now: int) -> Shown:
    tier = next((tier for tier in programme.definition.levels if tier.key == row.tier), None)
    everyone = said.say("console.everyone", programme=said.pick(programme.promise.name))
    over = row.ends is not None and row.ends <= now
    return Shown(
        key=row.key,
        title=said.pick(row.title),
        body=said.pick(row.body),
        audience=said.say("console.only_tier", tier=said.pick(tier.name)) if tier else everyone,
        period=_period(row.starts, row.ends),
        state="ended" if over else "planned" if row.starts > now else "running",
        announced=row.announce,
        programme_id=row.programme_id,
        tier=row.tier,
        control=row.control,
    )


def _period(starts: int | None, ends: int | None) -> str:
    said, zone = words(), service().settings.zone
    begin = said.moment(starts, zone) if starts else said.say("console.now")
    if ends is None:
        return said.say("console.from", begin=begin)
    return said.say("console.between", begin=begin, end=said.moment(ends, zone))


def _tiers(programme: Programme, said: Words) -> list[tuple[str, str]]:
    return [(tier.key, said.pick(tier.name)) for tier in programme.definition.levels]
