"""The web service as Wallet uses it. Names begin with the line of the checklist that a test answers.

Most tests share one service over SQLite and bring members of their own; what depends on the database runs on both.
"""

from __future__ import annotations

import json
import re
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from werkzeug.serving import make_server

from passes import cards, create_app, revisions
from passes.errors import ConfigError
from passes.wallets.apple import devicelog, enrolment
from tests import passcheck
from tests.cast import Answer, Marketer, Member, Phone, Service, Till, days, hours, minutes, outdoors
from tests.corpora.phones import AUTHORIZATIONS, COMPLAINTS, DATES, LOGS, REGISTRATIONS, SEGMENTS, TAGS
from tests.fakes.apns import FakeAPNs
from tests.home import dev_root, new_home
from tests.servers import _free_port as free_port

IMF_FIXDATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for many tests."""
    with FakeAPNs(trust=[dev_root()]) as apns:
        folder = tmp_path_factory.mktemp("shop") / "home"
        shop = Service(new_home(folder, apple__apns_url=apns.url, apple__apns_ca=apns.ca, limits__log="100000/minute"))
        apns.on_nudge = shop.nudge
        yield shop
        shop.closes()


@pytest.fixture
def bob(shop: Service) -> Member:
    return shop.joins("Bob")


@pytest.fixture
def phone(shop: Service, bob: Member) -> Iterator[Phone]:
    """Bob's, with his card on it; afterwards pushes reach none of the phones of this test."""
    yield bob.takes_her_card_on_an_iphone()
    shop.phones.clear()


@pytest.fixture(scope="module")
def resident(shop: Service) -> Phone:
    """One phone with one card, for tests that leave it as it was."""
    return shop.joins("Resident").takes_her_card_on_an_iphone()


@pytest.fixture
def desk(shop: Service) -> Till:
    return Till(shop)


# Register and unregister


@pytest.mark.parametrize("wrong", ["nothing", "scheme", "token", "other pass", "unknown", "type", "doubled"])
def test_w01_without_the_pass_s_own_token_nothing_is_done(shop: Service, phone: Phone, wrong: str) -> None:
    card, stranger = phone.only, shop.phone()
    pass_type, serial, token = card.identity
    other = shop.joins("Eve").takes_her_card_on_an_iphone().only.identity[2]
    headers = {
        "nothing": {},
        "scheme": {"Authorization": f"Bearer {token}"},
        "token": {"Authorization": f"ApplePass {token[:-1]}"},
        "other pass": {"Authorization": f"ApplePass {other}"},
        "doubled": {"Authorization": f"ApplePass ApplePass {token}"},
    }.get(wrong, {"Authorization": f"ApplePass {token}"})
    serial = "A" * 22 if wrong == "unknown" else serial
    pass_type = "pass.example.other" if wrong == "type" else pass_type
    base = f"{card.card['webServiceURL']}/v1"
    body = json.dumps({"pushToken": stranger.push_token}).encode()
    before = shop.installations()
    answers = {
        (got.status, got.body)
        for got in (
            stranger.line(
                "POST", f"{base}/devices/{stranger.device}/registrations/{pass_type}/{serial}", headers, body
            ),
            stranger.line(
                "POST", f"{base}/devices/{stranger.device}/registrations/{pass_type}/{serial}", headers, b"{"
            ),
            stranger.line("DELETE", f"{base}/devices/{phone.device}/registrations/{pass_type}/{serial}", headers),
            stranger.line("GET", f"{base}/passes/{pass_type}/{serial}", headers),
        )
    }
    ((status, said),) = answers
    assert status == 401
    assert token.encode() not in said
    assert shop.installations() == before


@pytest.mark.parametrize("header", AUTHORIZATIONS, ids=lambda header: ascii(header[:24]))
def test_w01_no_strange_header_opens_or_breaks_anything(resident: Phone, header: str) -> None:
    sent = {"Authorization": header.encode().decode("latin-1")}
    assert resident.line("GET", resident.pass_url(resident.only), sent).status == 401


def test_w02_w03_a_second_registration_replaces_the_push_token(shop: Service, bob: Member) -> None:
    phone = shop.phone()
    phone.passes[bob.serial] = bob.takes_her_card_on_an_iphone(shop.phone()).only
    assert phone.registers().status == 201
    assert phone.registers().status == 200
    old, phone.push_token = phone.push_token, "cd" * 32
    assert phone.registers().status == 200
    mine = [row for row in shop.installations() if row.place == phone.device]
    assert [row.address for row in mine] == ["cd" * 32]
    assert old not in {row.address for row in shop.installations()}


def test_w04_registrations_at_the_same_time_are_one(service: Service, anna: Member) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    phone.device = "concurrent"
    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(got.status for got in threads.map(lambda _: phone.registers(), range(8)))
    assert statuses == [200] * 7 + [201]
    assert sum(row.place == "concurrent" for row in service.installations()) == 1


@pytest.mark.parametrize("body", REGISTRATIONS, ids=lambda body: ascii(body[:24]))
def test_w05_a_malformed_registration_is_a_400(shop: Service, resident: Phone, body: bytes) -> None:
    before = shop.installations()
    got = resident.calls("POST", resident.registration_url(resident.only), resident.only, body)
    assert got.status == 400
    assert got.json["detail"]
    assert shop.installations() == before


@pytest.mark.parametrize("length", [32, 64, 512])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_w05_json_is_read_whatever_it_is_called(phone: Phone, kind: str, length: int) -> None:
    phone.push_token = "aB" * (length // 2)
    headers = {"Authorization": f"ApplePass {phone.only.identity[2]}", "Content-Type": kind}
    body = json.dumps({"pushToken": phone.push_token, "more": 1}).encode()
    assert phone.line("POST", phone.registration_url(phone.only), headers, body).status == 200


@pytest.mark.parametrize("device", ["", "a b", "x" * 129, "%00", "é", "../x", "<b>"])
def test_w05_a_device_s_id_is_plain(phone: Phone, device: str) -> None:
    phone.device = quote(device, safe="%/")
    assert phone.registers().status in (400, 404, 405)


def test_w06_w07_a_card_can_come_and_go(shop: Service, phone: Phone) -> None:
    card = phone.only
    for expected in (200, 200):
        got = phone.calls("DELETE", phone.registration_url(card), card)
        assert (got.status, got.body) == (expected, b"")
    assert phone.registers().status == 201


def test_w07_a_wrong_token_removes_nothing(shop: Service, phone: Phone) -> None:
    headers = {"Authorization": "ApplePass " + "A" * 43}
    assert phone.line("DELETE", phone.registration_url(phone.only), headers).status == 401
    assert phone.device in {row.place for row in shop.installations()}


def test_w08_nothing_is_left_of_a_phone_without_cards(shop: Service, phone: Phone) -> None:
    eve = shop.joins("Eve")
    eve.takes_her_card_on_an_iphone(phone)
    phone.removes(eve.serial)
    assert phone.device in {row.place for row in shop.installations()}
    phone.removes()
    assert phone.device not in {row.place for row in shop.installations()}
    assert phone.push_token not in {row.address for row in shop.installations()}


def test_a_flood_of_devices_on_one_card_stays_small(shop: Service, phone: Phone) -> None:
    for n in range(40):
        phone.device, phone.push_token = f"flood-{n}", f"{n:064x}"
        assert phone.registers().status == 201
    assert sum(row.serial == phone.only.serial for row in shop.installations()) == 20


# List


def test_w09_the_list_asks_for_no_token_and_minds_none(phone: Phone) -> None:
    bare = phone.line("GET", phone.list_url(phone.only), {})
    dressed = phone.line("GET", phone.list_url(phone.only), {"Authorization": "ApplePass wrong"})
    assert (bare.status, bare.body) == (dressed.status, dressed.body)
    assert bare.status == 200
    assert bare.headers["Content-Type"] == "application/json"


def test_w10_to_w13_the_list_names_exactly_what_changed(shop: Service, phone: Phone, desk: Till) -> None:
    first = phone.only
    others = [shop.joins(f"Member {n}") for n in range(4)]
    for other in others:
        other.takes_her_card_on_an_iphone(phone)
    serials = {first.serial, *(other.serial for other in others)}
    whole = phone.line("GET", phone.list_url(first), {}).json
    assert set(whole["serialNumbers"]) == serials

    tag = whole["lastUpdated"]
    assert isinstance(tag, str) and quote(tag, safe="") == tag
    quiet = phone.line("GET", f"{phone.list_url(first)}?passesUpdatedSince={tag}", {})
    assert (quiet.status, quiet.body) == (204, b"")

    changed = others[1:3]
    for other in changed:
        desk.earns(other, points=1)
    news = phone.line("GET", f"{phone.list_url(first)}?passesUpdatedSince={tag}", {}).json
    assert sorted(news["serialNumbers"]) == sorted(other.serial for other in changed)
    assert int(news["lastUpdated"]) > int(tag)


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: ascii(tag[:24]))
def test_w16_a_tag_that_is_not_ours_means_no_tag(resident: Phone, tag: str) -> None:
    for written in (quote(tag, safe=""), quote(tag, safe="%&;=")):
        got = resident.line("GET", f"{resident.list_url(resident.only)}?passesUpdatedSince={written}", {})
        assert got.status == 200
        assert got.json["serialNumbers"] == [resident.only.serial]


def test_w17_an_unknown_device_is_told_nothing(phone: Phone) -> None:
    mine, card = phone.list_url(phone.only), phone.only
    strangers = [mine.replace(phone.device, device) for device in ("0" * 32, phone.device.upper(), "%25", "x" * 300)]
    answers = [phone.line("GET", url, {}) for url in (*strangers, mine.replace(card.identity[0], "pass.example.other"))]
    assert {(got.status, got.body) for got in answers} == {(204, b"")}


# Get


def test_w18_w21_a_pass_comes_with_all_its_headers(shop: Service, phone: Phone) -> None:
    card = phone.only
    got, head = (phone.calls(method, phone.pass_url(card), card) for method in ("GET", "HEAD"))
    assert (got.status, head.status) == (200, 200)
    assert got.headers["Content-Type"] == "application/vnd.apple.pkpass"
    assert int(got.headers["Content-Length"]) == len(got.body)
    assert IMF_FIXDATE.fullmatch(got.headers["Last-Modified"])
    assert parsedate_to_datetime(got.headers["Last-Modified"]) <= datetime.fromtimestamp(shop.now, UTC)
    assert head.body == b""
    assert _without_chance(head) == _without_chance(got)


def test_w19_a_phone_that_has_it_gets_a_304_until_it_changes(shop: Service, phone: Phone, desk: Till) -> None:
    card = phone.only
    same = phone.calls("GET", phone.pass_url(card), card, since=card.date)
    assert (same.status, same.body) == (304, b"")
    dates = [parsedate_to_datetime(card.date or "")]
    for _ in range(3):
        desk.earns(phone, points=1)
        shop.clock.goes_on(5)
        assert phone.fetches(card.serial)
        dates.append(parsedate_to_datetime(phone.only.date or ""))
        assert not phone.fetches(card.serial)
    assert dates == sorted(set(dates))


def test_w19_a_change_within_the_same_second_is_fetched(phone: Phone, desk: Till) -> None:
    for points in (1, 2, 3):
        desk.earns(phone, points=1)
        assert phone.fetches(phone.only.serial)
        assert phone.shows("points") == points


@pytest.mark.parametrize("date", DATES, ids=lambda date: ascii(date[:24]))
def test_w20_a_date_that_is_none_gets_the_pass(resident: Phone, date: str) -> None:
    card = resident.only
    got = resident.calls("GET", resident.pass_url(card), card, since=date or None)
    assert got.status in (200, 304)
    assert got.status == 200 or parsedate_to_datetime(date) >= parsedate_to_datetime(got.headers["Last-Modified"])


def test_w20_a_date_from_beyond_the_present_is_not_ours(shop: Service, phone: Phone) -> None:
    card = phone.only
    future = format_datetime(datetime.fromtimestamp(shop.now + days(400), UTC), usegmt=True)
    assert phone.calls("GET", phone.pass_url(card), card, since=future).status == 200


def test_w22_what_is_fetched_passes_every_check_and_is_the_same_pass(shop: Service, phone: Phone, desk: Till) -> None:
    before = phone.only
    desk.earns(phone, points=3)
    assert phone.fetches(before.serial)
    after = phone.only
    assert passcheck.check(after.bytes, shop.root, shop.now) == []
    assert after.identity == before.identity


def test_w22_the_same_card_is_the_same_file_signature_aside(shop: Service, phone: Phone) -> None:
    """A second process signs for itself; what it signs is the same."""
    app = create_app(shop.home, shop.clock)
    shop.clock.goes_on(5)
    with shop.inner.store.reading() as tx:
        link = shop.apple.link(cards.by_serial(tx, phone.only.serial).revision)
    again = app.test_client().get(link).data
    assert again != phone.only.bytes
    assert passcheck.check_same(again, phone.only.bytes) == []


def test_w23_what_the_list_names_is_new_to_the_phone(shop: Service, phone: Phone, desk: Till) -> None:
    others = [shop.joins(f"Member {n}") for n in range(3)]
    for other in others:
        other.takes_her_card_on_an_iphone(phone)
    pass_type = phone.passes[others[0].serial].identity[0]
    phone.asks(pass_type)
    for other in others:
        desk.earns(other, points=1)
    listed = phone.asks(pass_type)
    assert len(listed) == 3
    assert all(phone.fetches(serial) for serial in listed)
    assert phone.asks(pass_type) == []


def test_w25_slashes_may_be_doubled_and_never_redirect(phone: Phone) -> None:
    card = phone.only
    for doubled in ("/apple//v1/", "/apple/v1//", "/apple///v1//"):
        for url in (phone.pass_url(card), phone.registration_url(card), phone.list_url(card)):
            assert phone.line("GET", url.replace("/apple/v1/", doubled), {}).status in (200, 401, 405)
        got = phone.calls("GET", phone.pass_url(card).replace("/apple/v1/", doubled), card, since=card.date)
        assert got.status == 304


def test_w27_a_blocked_member_keeps_a_void_pass(shop: Service, bob: Member, phone: Phone) -> None:
    for status in ("blocked", "closed"):
        shop.blocks(bob, status)
        phone.fetches(bob.serial)
        assert phone.only.is_void
    shop.forgets(bob)
    phone.fetches(bob.serial)
    assert phone.only.is_void and not phone.says("Bob")


@pytest.mark.parametrize("path", ["v2/passes/{}/{}", "v2/log", "v1", "", "v1/passes", "v1/nothing", "v1/log/more"])
def test_w28_other_paths_are_not_there(resident: Phone, path: str) -> None:
    pass_type, serial, _ = resident.only.identity
    url = f"{resident.only.card['webServiceURL']}/{path.format(pass_type, serial)}"
    assert resident.line("GET", url, {}).status == 404
    assert resident.line("POST", url, {}, b"{}").status == 404


def test_nobody_enrols_through_a_pass(phone: Phone) -> None:
    got = phone.calls("POST", f"{phone.pass_url(phone.only)}/personalize", phone.only, b"{}")
    assert got.status == 404
    assert "join" in got.json["detail"]


def test_passes_are_kept_by_nobody_on_the_way(phone: Phone) -> None:
    card = phone.only
    for got in (
        phone.calls("GET", phone.pass_url(card), card),
        phone.calls("GET", phone.pass_url(card), card, since=card.date),
        phone.line("GET", phone.list_url(card), {}),
        phone.line("GET", phone.pass_url(card), {}),
    ):
        assert got.headers["Cache-Control"] == "private, no-store"
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in got.headers


# What is never lost


@pytest.mark.parametrize("service", ["postgresql"], indirect=True)
def test_w14_a_change_that_commits_late_is_listed_later(service: Service, anna: Member, till: Till) -> None:
    """The earlier transaction commits last: its change must not fall between two tags."""
    bob = service.joins("Bob")
    phone = anna.takes_her_card_on_an_iphone()
    bob.takes_her_card_on_an_iphone(phone)
    service.reconciles()
    pass_type = service.apple.pass_type
    began, may_commit = threading.Event(), threading.Event()

    def changes_slowly() -> None:
        from passes import cards

        with service.inner.store.transaction() as tx:
            held = cards.by_serial(tx, anna.serial, lock=True)
            cards.set_status(tx, held, "blocked")
            revisions.record(tx, held.id, service.now)
            began.set()
            assert may_commit.wait(10)

    slow = threading.Thread(target=changes_slowly)
    slow.start()
    assert began.wait(10)
    till.earns(bob, points=5)
    listed = phone.asks(pass_type)
    may_commit.set()
    slow.join()
    assert listed == [bob.serial]
    assert phone.asks(pass_type) == [anna.serial]


def test_w15_in_a_storm_of_changes_none_is_lost(service: Service) -> None:
    members = [service.joins(f"Member {n}") for n in range(5)]
    phone = service.phone(checks=False)
    for member in members:
        member.takes_her_card_on_an_iphone(phone)
    pass_type = service.apple.pass_type
    is_over = threading.Event()

    def watches() -> None:
        while not is_over.is_set():
            for serial in phone.asks(pass_type):
                phone.fetches(serial)

    def serves(number: int) -> None:
        till = Till(service)
        for turn in range(12):
            till.earns(members[(number + turn) % len(members)], points=number + 1)

    watcher = threading.Thread(target=watches)
    watcher.start()
    with ThreadPoolExecutor(4) as tills:
        list(tills.map(serves, range(4)))
    is_over.set()
    watcher.join()
    for serial in phone.asks(pass_type):
        phone.fetches(serial)
    for member in members:
        assert phone.shows("points", member.serial) == member.balance
    assert sum(member.balance for member in members) == 12 * (1 + 2 + 3 + 4)


STEPS = st.one_of(
    st.tuples(st.just("earn"), st.integers(0, 2)),
    st.tuples(st.just("burst"), st.integers(0, 2)),
    st.tuples(st.just("clock"), st.sampled_from([1, 1, 2, 60, 3600, -1, -2, -3600, -90_000])),
    st.tuples(st.just("wake"), st.integers(0, 1)),
    st.tuples(st.just("list only"), st.integers(0, 1)),
    st.tuples(st.just("fetch"), st.integers(0, 2)),
    st.tuples(st.just("forget tag"), st.integers(0, 1)),
    st.tuples(st.just("block"), st.integers(0, 2)),
)


@settings(max_examples=15, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_w14_i13_i15_i17_a_phone_ends_with_what_a_new_phone_gets(shop: Service, steps: list[tuple[str, int]]) -> None:
    """Whatever the order of changes, calls and steps of the clock; it uses nothing but tags and dates."""
    members = [shop.joins(f"Member {n}") for n in range(3)]
    phones = [shop.phone(checks=False) for _ in range(2)]
    for phone in phones:
        for member in members:
            member.takes_her_card_on_an_iphone(phone)
    play = _Play(shop, members, phones)
    at = shop.clock.at
    # So that a clock may go back and the certificate still holds.
    shop.clock.goes_on(days(30))
    try:
        for verb, number in steps:
            play.do(verb, number)
        for phone in phones:
            play.wakes(phone)
        for member in members:
            new = member.takes_her_card_on_an_iphone(shop.phone(checks=False)).only
            for phone in phones:
                assert passcheck.check_same(phone.passes[member.serial].bytes, new.bytes) == []
    finally:
        shop.clock.at = at
        shop.phones.clear()


class _Play:
    """What happens between a shop and two phones that hold the same cards."""

    def __init__(self, shop: Service, members: list[Member], phones: list[Phone]) -> None:
        self.shop, self.members, self.phones = shop, members, phones
        self.till = Till(shop)
        self.owed: dict[str, set[str]] = {phone.device: set() for phone in phones}
        self.points = dict.fromkeys((member.serial for member in members), 0)

    def do(self, verb: str, number: int) -> None:
        match verb:
            case "earn" | "burst":
                for _ in range(3 if verb == "burst" else 1):
                    self._earns(self.members[number])
            case "clock":
                self.shop.clock.goes_on(number)
            case "wake":
                self.wakes(self.phones[number])
            case "list only":
                # The phone is switched off before it fetches; it remembers what it was told.
                phone = self.phones[number]
                self.owed[phone.device] |= set(phone.asks(self.shop.apple.pass_type))
            case "fetch":
                self._fetches(self.phones[0], self.members[number].serial)
            case "forget tag":
                self.phones[number].tags.clear()
            case "block":
                member = self.members[number]
                self.shop.blocks(member, "blocked")
                self.shop.blocks(member, "active")

    def wakes(self, phone: Phone) -> None:
        owed = self.owed[phone.device]
        for serial in [*phone.asks(self.shop.apple.pass_type), *owed]:
            self._fetches(phone, serial)
        owed.clear()

    def _earns(self, member: Member) -> None:
        self.till.earns(member, points=1)
        self.points[member.serial] += 1

    def _fetches(self, phone: Phone, serial: str) -> None:
        """I13: never an older card than before."""
        before = phone.shows("points", serial)
        phone.fetches(serial)
        assert phone.shows("points", serial) == self.points[serial] >= before


def test_the_service_remembers_how_far_a_card_was_fetched(shop: Service, phone: Phone, desk: Till) -> None:
    desk.earns(phone, points=1)
    asked = desk.scans(phone.code).row
    assert asked.fetched < asked.revision
    phone.fetches(phone.only.serial)
    _eventually(lambda: desk.scans(phone.code).row.fetched == asked.revision)


def test_a_phone_does_not_wait_for_a_till_to_finish(shop: Service, phone: Phone, desk: Till) -> None:
    desk.earns(phone, points=1)
    newest = desk.scans(phone.code).row.revision
    with shop.inner.store.transaction():
        phone.fetches(phone.only.serial)
    _eventually(lambda: desk.scans(phone.code).row.fetched == newest)


# What it costs, and what leaks


def test_many_fetches_of_one_card_cost_one_signature(shop: Service, phone: Phone, desk: Till) -> None:
    """A signature holds its time: bytes that stay the same while time goes on were signed once."""
    desk.earns(phone, points=1)
    card = phone.only

    def fetch(_: int) -> bytes:
        shop.clock.goes_on(1)
        return phone.calls("GET", phone.pass_url(card), card).body

    with ThreadPoolExecutor(6) as threads:
        bodies = set(threads.map(fetch, range(120)))
    assert len(bodies) <= 2


def test_w26_a_wrong_token_and_an_unknown_card_cost_the_same(phone: Phone) -> None:
    card = phone.only
    headers = {"Authorization": "ApplePass " + "A" * 43}
    known = phone.pass_url(card)
    unknown = known.replace(card.serial, "A" * 22)

    def ratio() -> float:
        times: dict[str, list[int]] = {known: [], unknown: []}
        for _ in range(150):
            for url, taken in times.items():
                began = time.perf_counter_ns()
                phone.line("GET", url, headers)
                taken.append(time.perf_counter_ns() - began)
        return statistics.median(times[known]) / statistics.median(times[unknown])

    # Beside other work on the machine, one calm measurement of three is enough.
    assert any(0.9 < ratio() < 1.1 for _ in range(3))


def test_w26_the_answers_do_not_tell_a_wrong_token_from_an_unknown_card(phone: Phone) -> None:
    card, headers = phone.only, {"Authorization": "ApplePass " + "A" * 43}
    unknown = phone.pass_url(card).replace(card.serial, "A" * 22)
    answers = [phone.line("GET", url, headers) for url in (phone.pass_url(card), unknown)]
    assert answers[0].body == answers[1].body
    assert _without_chance(answers[0]) == _without_chance(answers[1])


def test_w26_nothing_of_a_phone_is_logged_and_no_token_stored(
    shop: Service, bob: Member, capfd: pytest.CaptureFixture[str]
) -> None:
    phone = bob.takes_her_card_on_an_iphone()
    card = phone.only
    phone.asks(card.identity[0])
    phone.line("GET", phone.pass_url(card), {"Authorization": f"ApplePass {card.identity[2]}x"})
    phone.calls("POST", phone.registration_url(card), card, b'{"pushToken": "zz"}')
    _complain(phone, f"Get pass task (for device {phone.device}, serial number {card.serial}) {card.identity[2]}")
    shop.reconciles()
    phone.removes()
    said = "".join(capfd.readouterr())
    for secret in (card.identity[2], phone.device, phone.push_token):
        assert secret not in said
    with closing(sqlite3.connect(shop.home / "passes.db")) as database:
        dump = "\n".join(database.iterdump())
    assert card.identity[2] not in dump
    assert phone.device not in dump and phone.push_token not in dump


# Certificates


def test_c03_with_an_expired_certificate_what_is_signed_is_served(shop: Service, phone: Phone, desk: Till) -> None:
    card, at = phone.only, shop.clock.at
    try:
        shop.clock.goes_on(days(400))
        got = phone.calls("GET", phone.pass_url(card), card)
        assert (got.status, got.body) == (200, card.bytes)
        desk.earns(phone, points=1)
        refused = phone.calls("GET", phone.pass_url(card), card)
        assert refused.status == 503
        assert refused.json["detail"] and refused.headers["Retry-After"]
        assert phone.registers().status == 200
        assert phone.asks(card.identity[0]) == [card.serial]
    finally:
        shop.clock.at = at
    assert phone.fetches(card.serial)


@pytest.mark.parametrize("name", ["pass.pem", "pass.key", "wwdr.pem"])
def test_c01_the_service_does_not_start_with_mixed_up_files(tmp_path: Path, name: str) -> None:
    """One file of another developer's certificate among ours."""
    home = new_home(tmp_path / "home")
    enrolment.make_dev(tmp_path / "other", int(time.time()))
    (home / "certs" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(ConfigError, match=r"pass\.pem|pass\.key|wwdr\.pem"):
        create_app(home)


def test_c04_a_certificate_is_exchanged_while_the_service_runs(tmp_path: Path) -> None:
    service = Service(new_home(tmp_path / "home"))
    anna, till = service.joins("Anna"), Till(service)
    phone = anna.takes_her_card_on_an_iphone()
    old = phone.only.bytes
    enrolment.make_dev(service.home / "certs", service.now, again=True)
    service.clock.goes_on(minutes(5))
    assert not phone.fetches(anna.serial)
    till.earns(anna, points=5)
    assert phone.fetches(anna.serial)
    assert phone.shows("points") == 5
    assert passcheck.check(old, service.root, service.now), "the old root is gone"
    service.closes()


# The log


@pytest.mark.parametrize("body", LOGS, ids=lambda body: ascii(body[:24]))
def test_w24_whatever_is_reported_is_a_200(resident: Phone, body: bytes) -> None:
    got = resident.line("POST", f"{resident.only.card['webServiceURL']}/v1/log", {}, body)
    assert (got.status, got.body) == (200, b"")


@pytest.mark.parametrize(("cause", "line"), COMPLAINTS, ids=[cause for cause, _ in COMPLAINTS])
def test_a_known_complaint_has_a_cause_and_words_for_it(shop: Service, cause: str, line: str) -> None:
    assert devicelog.cause(line) == cause
    assert devicelog.cause(devicelog.clean(line)) == cause
    for language in ("en", "ru", "pl"):
        assert shop.inner.words[language].say(f"device_log.{cause}")


def test_every_cause_has_words_in_every_language(shop: Service) -> None:
    for words in shop.inner.words.values():
        assert all(words.has(f"device_log.{cause}") for cause, _ in (*devicelog.CAUSES, ("other", ())))


def test_what_is_kept_of_a_report_names_nobody(shop: Service, phone: Phone) -> None:
    token = phone.only.identity[2]
    _complain(
        phone, f"Get pass task (for device {phone.device}, serial number {phone.only.serial}) token {token}\r\nok"
    )
    _complain(phone, "\x1b[31m device short-id \x00\u202e was unchanged <b>")
    with shop.inner.store.reading() as tx:
        second, first = devicelog.recent(tx, 2)
    assert first.line.startswith(f"Get pass task (for device {phone.device[:4]}…, serial number")
    assert first.line.endswith("\\r\\nok")
    for secret in (phone.device, phone.only.serial, token):
        assert secret not in first.line
    assert second.line == "\\x1b[31m device shor… \\x00\\u202e was unchanged <b>"
    assert second.cause == "unchanged"


def test_a_report_is_kept_in_part_and_old_ones_give_way(
    shop: Service, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    _complain(phone, *["word " * 240] * 53)
    with shop.inner.store.reading() as tx:
        kept = devicelog.recent(tx, 60)
    assert sum(row.line.startswith("word word") for row in kept) == 50
    assert max(len(row.line) for row in kept) == 1000
    monkeypatch.setattr(devicelog, "MOST_KEPT", 70)
    _complain(phone, *["last"] * 50)
    with shop.inner.store.reading() as tx:
        kept = devicelog.recent(tx, 1000)
    assert len(kept) == 70
    assert kept[0].line == "last"


def test_who_reports_too_much_is_heard_no_more_and_not_told(tmp_path: Path) -> None:
    service = Service(new_home(tmp_path / "home", limits__log="3/minute"))
    phone = service.joins("Anna").takes_her_card_on_an_iphone()
    assert [_complain(phone, f"line {n}").status for n in range(6)] == [200] * 6
    with service.inner.store.reading() as tx:
        assert len(devicelog.recent(tx)) == 3
    service.closes()


def test_a_large_report_is_taken_quickly(phone: Phone) -> None:
    body = json.dumps({"logs": ["a" * 20] * 2500}).encode()
    began = time.perf_counter()
    assert phone.line("POST", f"{phone.only.card['webServiceURL']}/v1/log", {}, body).status == 200
    assert time.perf_counter() - began < 0.5


# Whatever else may come


def test_no_name_in_a_path_breaks_anything_or_opens_a_file(shop: Service, phone: Phone) -> None:
    card = phone.only
    base, headers = card.card["webServiceURL"], {"Authorization": f"ApplePass {card.identity[2]}"}
    pass_type, serial, device = card.identity[0], card.serial, phone.device
    opened: list[str] = []
    # The page that says so is itself a file, read once.
    phone.line("GET", f"{base}/nothing", headers, None)
    with _files_opened(opened):
        for name in SEGMENTS:
            for method, path in (
                ("GET", f"v1/passes/{pass_type}/{name}"),
                ("GET", f"v1/passes/{name}/{serial}"),
                ("POST", f"v1/devices/{device}/registrations/{pass_type}/{name}"),
                ("POST", f"v1/devices/{device}/registrations/{name}/{serial}"),
                ("DELETE", f"v1/devices/{name}/registrations/{pass_type}/{serial}"),
                ("GET", f"v1/devices/{name}/registrations/{pass_type}"),
                ("GET", f"v1/devices/{device}/registrations/{name}"),
                ("GET", f"download/{name}/1.x.pkpass"),
                ("GET", f"download/{serial}/{name}.pkpass"),
                ("GET", f"download/member/{name}/{name}.pkpasses"),
                ("GET", f"{name}"),
            ):
                status = phone.line(method, f"{base}/{path}", headers, b"{}" if method == "POST" else None).status
                assert status < 500 and status not in (301, 302, 307, 308), (method, path, status)
    assert opened == []
    assert phone.device in {row.place for row in shop.installations()}


@pytest.mark.parametrize("service", ["postgresql"], indirect=True)
def test_no_name_breaks_postgresql_either(service: Service, anna: Member) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    base, pass_type = phone.only.card["webServiceURL"], phone.only.identity[0]
    for name in ("%00", "x%00", "%ff", "%ed%a0%80", "'", "A" * 4000):
        assert phone.line("GET", f"{base}/v1/passes/{pass_type}/{name}", {}).status in (401, 404)
        assert phone.line("GET", f"{base}/v1/devices/{name}/registrations/{pass_type}", {}).status in (204, 404)
    assert _complain(phone, "\x00 \ud800 \U0001f600").status == 200


def test_a_real_phone_over_a_real_socket(tmp_path: Path) -> None:
    """Plain HTTP, as a phone with the developer's setting uses it."""
    port = free_port()
    service = Service(new_home(tmp_path / "home", server__public_url=f"http://127.0.0.1:{port}"))
    server = make_server("127.0.0.1", port, service.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        anna, till = service.joins("Anna"), Till(service)
        phone = Phone(outdoors, service.root, allow_http=True, clock=service.clock)
        anna.takes_her_card_on_an_iphone(phone)
        phone.wakes()
        service.clock.goes_on(5)
        till.earns(phone, points=50)
        phone.wakes()
        assert phone.shows("points") == 50
        assert not phone.complaints
        doubled = phone.pass_url(phone.only).replace("/apple/", "//apple//")
        assert phone.calls("GET", doubled, phone.only, since=phone.only.date).status == 304
        assert phone.removes().status == 200
    finally:
        server.shutdown()
        thread.join()
        service.closes()


def test_an_offer_reaches_many_phones_with_one_push_each(service: Service, apns: FakeAPNs) -> None:
    """P01, P02: a burst of changes is one push for each phone that has a changed card, none for the others."""
    phones = [service.joins(f"Member {n}").takes_her_card_on_an_iphone() for n in range(4)]
    service.reconciles()
    before = {phone.push_token: apns.attempts(phone.push_token) for phone in phones}
    till = Till(service)
    for phone in phones[:3]:
        till.earns(phone, points=1)
        till.earns(phone, points=1)
    service.reconciles()
    pushed = [apns.attempts(phone.push_token) - before[phone.push_token] for phone in phones]
    assert pushed == [1, 1, 1, 0]
    Marketer(service).publishes("News for all")
    service.reconciles(after=hours(1))
    assert all(phone.says("News for all") for phone in phones)


def _complain(phone: Phone, *lines: str) -> Answer:
    card: Any = next(iter(phone.passes.values()))
    body = json.dumps({"logs": list(lines)}).encode()
    return phone.line("POST", f"{card.card['webServiceURL']}/v1/log", {}, body)


def _without_chance(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in ("Date", "Server")}


_watchers: list[Callable[[str], None]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watchers:
        for watcher in _watchers:
            watcher(str(arguments[0]))


sys.addaudithook(_audit)


class _files_opened:
    """Collects the names of files that this process opens meanwhile."""

    def __init__(self, into: list[str]) -> None:
        self._into = into

    def __enter__(self) -> None:
        _watchers.append(self._into.append)

    def __exit__(self, *_: object) -> None:
        _watchers.clear()


def _eventually(is_so: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
