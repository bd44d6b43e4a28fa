"""Examines a home from the outside in and says in plain words what is good, what is not, and what to do.

Each examination is one function that yields findings; whatever stops one is itself a finding, and those after
it that can still be made are made. Nothing is changed, and no finding repeats a secret. Only `online`
examinations speak to other machines.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from . import config, installations, look, pulse, staff, words
from .config import Settings
from .errors import Busy, ConfigError, PassesError
from .points import audit
from .secrets import Secrets
from .store import Connection, Store, schema
from .store import tables as t

Level = Literal["good", "warning", "bad"]

LEAST_FREE_BYTES = 200 * 1024**2
LITTLE_FREE_BYTES = 2 * 1024**3
CLOCK_SECONDS = 60
YEAR_2025 = 1_735_689_600
ANSWER_SECONDS = 5
MOST_FLAWS = 5

GET_CERTIFICATES = (
    "For real iPhones you need an Apple Developer account, and then: (1) `passes certs request --name SHOP --email "
    "ADDRESS`; (2) at developer.apple.com, Identifiers, register a Pass Type ID; (3) Certificates, add a Pass Type ID "
    "Certificate for it with certs/request.csr; (4) download pass.cer, and the WWDR intermediate from "
    "apple.com/certificateauthority; (5) `passes certs install pass.cer --wwdr AppleWWDRCAG4.cer`. "
    "To try everything but real phones: `passes certs dev`."
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is what to do, empty when nothing is."""

    level: Level
    about: str
    sentence: str
    remedy: str = ""

    def as_mapping(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Case:
    """What the examinations are handed."""

    settings: Settings
    store: Store
    now: int


Examination = Callable[[Case], Iterator[Finding]]


def examine(home: Path, now: int, online: bool = False) -> Iterator[Finding]:
    """Every finding about this home, as each examination ends."""
    try:
        settings = config.load(home)
        store = Store(settings.database(settings.store.url))
    except ConfigError as wrong:
        yield Finding("bad", "config", str(wrong), "Mend config.toml (or the variable), then run this again.")
        return
    yield Finding("good", "config", "config.toml can be read and every setting in it is known.")
    case, said = Case(settings, store, now), set[str]()
    for examination in (*OFFLINE, *(ONLINE if online else ())):
        for finding in _made(examination, case):
            # A store out of reach stops several examinations; once is enough.
            if finding.sentence not in said:
                said.add(finding.sentence)
                yield finding
    store.close()


def _made(examination: Examination, case: Case) -> Iterator[Finding]:
    about = examination.__name__.strip("_")
    try:
        yield from examination(case)
    except Busy:
        sentence = "The store cannot be reached."
        yield Finding("bad", "store", sentence, "See that [store.url] is right and that the database runs.")
    except PassesError as wrong:
        yield Finding("bad", about, str(wrong))
    except SQLAlchemyError as wrong:
        sentence = f"The store cannot be read ({type(wrong).__name__})."
        yield Finding("bad", "store", sentence, "See that [store.url] names our database; else restore a backup.")
    except OSError as wrong:
        yield Finding("bad", about, f"A file cannot be read: {wrong.strerror} ({Path(str(wrong.filename)).name}).")


def _config(case: Case) -> Iterator[Finding]:
    path = case.settings.home / config.FILE
    is_open = stat.S_IMODE(path.stat().st_mode) & 0o077
    urls = (case.settings.store.url, case.settings.work.queue, case.settings.limits.storage)
    if is_open and any(make_url(url).password for url in urls if "@" in url):
        yield Finding("warning", "config", "config.toml holds a password and others can read it.", f"chmod 600 {path}")
    if os.environ.get("FLASK_DEBUG", "0").lower() not in ("", "0", "false", "no"):
        yield Finding("bad", "config", "FLASK_DEBUG is set: errors may show the insides.", "Unset it.")


def _keys(case: Case) -> Iterator[Finding]:
    certs = case.settings.home / "certs"
    ids = Secrets.read(certs / "service.keys").ids()
    yield Finding("good", "keys", f"service.keys can be read; {len(ids)} key{'s' if len(ids) > 1 else ''} in it.")
    mode = stat.S_IMODE(certs.stat().st_mode)
    if mode & 0o022:
        yield Finding("bad", "keys", "Others on this machine can put files into certs/.", f"chmod 700 {certs}")
    loose = [path.name for path in certs.glob("*.key*") if stat.S_IMODE(path.stat().st_mode) & 0o077]
    for name in sorted(loose):
        yield Finding("bad", "keys", f"certs/{name} can be read by others.", f"chmod 600 {certs / name}")


def _templates(case: Case) -> Iterator[Finding]:
    templates = case.settings.home / "templates"
    looks = look.gallery(templates / "cards", case.settings.home / "var" / "looks")
    words.load(templates / "pages" / "words")
    yield Finding("good", "templates", f"Looks that can be drawn: {', '.join(sorted(looks))}.")
    if schema.version(case.store) is None:
        return
    with case.store.reading() as tx:
        used = {row.look: row.key for row in tx.execute(select(t.Programme.look, t.Programme.key))}
    for missing in sorted(set(used) - set(looks)):
        sentence = f"The programme “{used[missing]}” wants the look “{missing}”, which is not there."
        yield Finding("bad", "templates", sentence, f"Put templates/cards/{missing} back.")


def _store(case: Case) -> Iterator[Finding]:
    schema.refuse_unless_current(case.store)
    yield Finding("good", "store", f"The store answers; its tables are of version {schema.newest()}.")
    with case.store.reading() as tx:
        flaws = []
        for flaw in audit.verify(tx):
            flaws.append(flaw)
            if len(flaws) == MOST_FLAWS:
                break
        postings = tx.execute(select(func.count()).select_from(t.Posting)).scalar_one()
    for flaw in flaws:
        where = f"programme {flaw.programme_id}, posting {flaw.seq}" if flaw.seq else f"programme {flaw.programme_id}"
        yield Finding("bad", "ledger", f"The ledger {flaw.what} ({where}).", "Restore the newest backup that verifies.")
    if not flaws:
        yield Finding("good", "ledger", f"The ledger is whole: {postings} postings, every balance adds up.")


def _staff(case: Case) -> Iterator[Finding]:
    with case.store.reading() as tx:
        people = staff.all(tx)
    if people:
        yield Finding("good", "staff", f"{len(people)} may log in.")
    else:
        yield Finding("warning", "staff", "Nobody may log in.", "passes staff add EMAIL --role owner")


def _queue(case: Case) -> Iterator[Finding]:
    from .nudges import open_queue

    try:
        open_queue(case.settings.work.queue, case.settings.home).pending_count()
    except ConfigError:
        raise
    except Exception as wrong:
        # Every kind of queue has its own family of errors.
        sentence = f"The queue [work.queue] cannot be reached ({type(wrong).__name__})."
        yield Finding("bad", "queue", sentence, "Updates still go out, but up to a minute late. Start it.")
    else:
        yield Finding("good", "queue", "The queue answers.")


def _worker(case: Case) -> Iterator[Finding]:
    chosen = {"apple": case.settings.apple.is_configured, "google": case.settings.google.is_configured}
    wallets = ["ecard", *(name for name, is_configured in chosen.items() if is_configured)]
    with case.store.reading() as tx:
        if pulse.is_beating(tx, wallets, case.now):
            yield Finding("good", "worker", "No work has waited for long.")
        else:
            minutes = pulse.overdue_seconds(tx, wallets, case.now) // 60
            sentence = f"Work has waited for {minutes} minutes: no worker is running."
            yield Finding("bad", "worker", sentence, "Start it: passes serve (or passes worker).")
        yield from _installations(tx)


def _installations(tx: Connection) -> Iterator[Finding]:
    for wallet, counted in sorted(installations.count(tx).items()):
        sentence = f"{wallet}: {counted.all} installations, {counted.stale} to be told, {counted.set_aside} set aside."
        yield Finding("good", "installations", sentence)
    for row in installations.reasons(tx):
        state = "set aside" if row.set_aside else "tried again"
        remedy = "Mend the cause, then have them tried again in the console." if row.set_aside else ""
        yield Finding("warning", "installations", f"{row.wallet}: {row.many} {state}: {row.why}", remedy)


def _apple(case: Case) -> Iterator[Finding]:
    from .wallets.apple import certificates

    chosen, settings = case.settings.apple, case.settings
    if chosen.certificate is None or chosen.wwdr is None:
        yield Finding("warning", "apple", "There is no Apple certificate: members get the e-card.", GET_CERTIFICATES)
        return
    key = settings.path(chosen.key) if chosen.key else None
    files = settings.path(chosen.certificate), key, settings.path(chosen.wwdr)
    identity = certificates.load(*files, chosen.key_password or None, case.now)
    for found in certificates.findings(identity, case.now):
        yield Finding(found.level, "apple", found.sentence)
    if identity.intermediates[-1].issuer.rfc4514_string().find("Passes Development") >= 0:
        yield Finding(
            "warning", "apple", "These are test certificates: real iPhones refuse the cards.", GET_CERTIFICATES
        )
    if chosen.apns_ca is not None:
        certificates.ssl_context(identity, settings.path(chosen.apns_ca))


def _google(case: Case) -> Iterator[Finding]:
    from .wallets.google import examination

    for level, sentence, remedy in examination.offline(case.settings):
        yield Finding(level, "google", sentence, remedy)


def _google_reached(case: Case) -> Iterator[Finding]:
    from .wallets.google import examination

    for level, sentence, remedy in examination.online(case.settings, case.store):
        yield Finding(level, "google", sentence, remedy)


def _public_url(case: Case) -> Iterator[Finding]:
    url = case.settings.server.public_url
    if url.startswith("https://"):
        yield Finding("good", "public_url", f"Phones are told to come to {url}.")
    else:
        sentence = f"public_url is {url}: iPhones update cards only over https://, and the till's camera wants it too."
        yield Finding("warning", "public_url", sentence, "Put a proxy with a certificate in front and set public_url.")


def _disk(case: Case) -> Iterator[Finding]:
    free = shutil.disk_usage(case.settings.home).free
    sentence = f"{free // 1024**2} MB are free where the home lies."
    level: Level = "bad" if free < LEAST_FREE_BYTES else "warning" if free < LITTLE_FREE_BYTES else "good"
    yield Finding(level, "disk", sentence, "" if level == "good" else "Make room; a full disk stops tills and joining.")


def _clock(case: Case) -> Iterator[Finding]:
    with case.store.reading() as tx:
        newest = tx.execute(select(func.max(t.Receipt.created))).scalar() or 0
    behind = max(newest, YEAR_2025) - case.now
    if behind > CLOCK_SECONDS:
        sentence = f"This machine's clock is {behind} seconds behind what is in the store."
        yield Finding("bad", "clock", sentence, "Set it (timedatectl set-ntp true).")
    else:
        yield Finding("good", "clock", time.strftime("The clock says %Y-%m-%d %H:%M UTC.", time.gmtime(case.now)))


def _reached(case: Case) -> Iterator[Finding]:
    """Whether phones can reach us, and whether our clock agrees with what answers."""
    import httpx2

    url = case.settings.server.public_url
    try:
        answer = httpx2.get(f"{url}/health", timeout=ANSWER_SECONDS)
    except httpx2.HTTPError as wrong:
        sentence = f"{url} cannot be reached from here ({type(wrong).__name__})."
        yield Finding(
            "bad", "public_url", sentence, "Start the service, and see that name, proxy and certificate work."
        )
        return
    if answer.status_code != 200:
        sentence = f"{url}/health answers {answer.status_code}: something else is there, or a proxy in between."
        yield Finding("bad", "public_url", sentence, "See where public_url leads.")
        return
    yield Finding("good", "public_url", f"The service answers at {url}.")
    if date := answer.headers.get("Date"):
        away = abs(parsedate_to_datetime(date).timestamp() - time.time())
        if away > CLOCK_SECONDS:
            yield Finding("bad", "clock", f"The clocks here and at {url} differ by {away:.0f} seconds.", "Set them.")


def _apns(case: Case) -> Iterator[Finding]:
    """A connection with our certificate, without a push."""
    from .wallets.apple import certificates

    chosen, settings = case.settings.apple, case.settings
    if chosen.certificate is None or chosen.wwdr is None:
        return
    key = settings.path(chosen.key) if chosen.key else None
    files = settings.path(chosen.certificate), key, settings.path(chosen.wwdr)
    identity = certificates.load(*files, chosen.key_password or None, case.now)
    ca = settings.path(chosen.apns_ca) if chosen.apns_ca else None
    address = urlsplit(chosen.apns_url)
    host, port = str(address.hostname), address.port or 443
    try:
        with (
            socket.create_connection((host, port), ANSWER_SECONDS) as plain,
            certificates.ssl_context(identity, ca).wrap_socket(plain, server_hostname=host) as secured,
        ):
            agreed = secured.selected_alpn_protocol()
    except (OSError, ssl.SSLError) as wrong:
        sentence = f"Apple's push service at {host}:{port} cannot be reached ({type(wrong).__name__})."
        yield Finding(
            "bad", "apns", sentence, f"Let this machine connect to {host} port {port} (443 or 2197 at Apple)."
        )
        return
    if agreed == "h2":
        yield Finding("good", "apns", f"Apple's push service at {host}:{port} answers.")
    else:
        yield Finding("bad", "apns", f"{host}:{port} does not speak HTTP/2.", "See [apple] apns_url.")


OFFLINE: tuple[Examination, ...] = (
    _config,
    _keys,
    _templates,
    _store,
    _staff,
    _queue,
    _worker,
    _apple,
    _google,
    _public_url,
    _disk,
    _clock,
)
ONLINE: tuple[Examination, ...] = (_reached, _apns, _google_reached)
