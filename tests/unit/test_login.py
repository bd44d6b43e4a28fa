"""Who gets in, who does not, and what a guesser learns: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2.exceptions import VerificationError
from sqlalchemy import select

from passes import progress, staff, tries
from passes.errors import BadInput, NotFound
from passes.store import Store, schema
from passes.store import tables as t
from passes.tries import Counter, wait_seconds
from passes.web.login.backstage import own_path
from tests.desk import KASIA, MAREK, PASSWORD, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "home")
    yield shop
    shop.closes()


def test_each_role_comes_to_its_own_page(shop: Shop) -> None:
    assert shop.desk().logs_in(KASIA).location == "/staff"
    assert shop.desk().logs_in(MAREK).location == "/console"


def test_a_wrong_password_and_an_unknown_person_are_told_the_same(shop: Shop) -> None:
    desk = shop.desk()
    wrong, wrong_says = desk.logs_in(KASIA, "not the password"), desk.says
    unknown, unknown_says = desk.logs_in("nobody@cafe.example.org", "not the password"), desk.says
    assert wrong.status_code == unknown.status_code == 401
    assert wrong_says == unknown_says
    assert "do not match" in wrong_says


def test_for_somebody_unknown_the_same_work_is_done(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = []

    class Hasher:
        def verify(self, hash: str, password: str) -> bool:
            hashes.append(hash.split("$")[1:4])
            raise VerificationError

    unknown, known = staff.Account(None, None), staff.Account(None, staff.hash_password(PASSWORD, KASIA))
    staff._nobodys()
    monkeypatch.setattr(staff, "_hasher", Hasher)
    assert not staff.verify(unknown, "guess") and not staff.verify(known, "guess")
    assert hashes[0] == hashes[1]


def test_guessing_is_slowed_down_but_never_stopped_for_good(shop: Shop) -> None:
    desk = shop.desk()
    answers = [desk.logs_in(KASIA, f"guess {n}").status_code for n in range(7)]
    assert answers == [401] * 5 + [429] * 2
    assert "Wait 60 seconds" in desk.says
    assert shop.desk().logs_in(KASIA).status_code == 429
    shop.clock.goes_on(61)
    assert shop.desk().logs_in(KASIA).status_code == 303


def test_the_till_a_cashier_uses_every_day_lets_her_in_while_somebody_guesses_elsewhere(shop: Shop) -> None:
    till = shop.desk(KASIA)
    till.opens("/staff")
    till.sends("/logout", {})
    guesser = shop.desk()
    for n in range(6):
        guesser.logs_in(KASIA, f"guess {n}")
    assert guesser.logs_in(KASIA).status_code == 429
    assert till.logs_in(KASIA).status_code == 303


def test_one_address_may_try_many_accounts_only_so_often(shop: Shop) -> None:
    desk = shop.desk()
    answers = [desk.logs_in(f"somebody{n}@example.org", "guess").status_code for n in range(22)]
    assert answers.count(401) == 20 and answers[-1] == 429


def test_waits_grow_and_end() -> None:
    waits = [wait_seconds(failures, 5, 0) for failures in range(4, 12)]
    assert waits == [0, 60, 120, 240, 480, 900, 900, 900]
    assert wait_seconds(5, 5, 60) == 0
    assert wait_seconds(500, 5, tries.QUIET_SECONDS) == 0


def test_tries_are_counted_before_they_are_looked_at(shop: Shop) -> None:
    counter, other = Counter(b"a" * 32, 5), Counter(b"b" * 32, 20)
    with shop.service.store.transaction() as tx:
        waits = [tries.begin(tx, (counter, other), 100) for _ in range(6)]
    assert waits == [0, 0, 0, 0, 0, 60]


def test_a_copied_cookie_is_dead_after_logging_out(shop: Shop) -> None:
    desk = shop.desk(KASIA)
    desk.opens("/staff")
    copied = desk.client.get_cookie("passes")
    assert copied is not None
    desk.sends("/logout", {})
    thief = shop.desk()
    thief.client.set_cookie("passes", copied.value)
    assert thief.client.get("/staff").location.startswith("/login")


def test_another_till_stays_logged_in_and_a_new_password_ends_all(shop: Shop) -> None:
    one, other = shop.desk(KASIA), shop.desk(KASIA)
    one.opens("/staff")
    one.sends("/logout", {})
    assert other.client.get("/staff").status_code == 200
    with shop.service.store.transaction() as tx:
        person = staff.find(tx, KASIA)
        staff.set_password(tx, person, staff.hash_password("another good one 7", KASIA))
    assert other.client.get("/staff").status_code == 303


def test_a_login_begins_with_a_new_session(shop: Shop) -> None:
    desk = shop.desk()
    desk.opens("/login")
    before = desk.client.get_cookie("passes")
    desk.logs_in(KASIA)
    after = desk.client.get_cookie("passes")
    assert before and after and before.value != after.value
    thief = shop.desk()
    thief.client.set_cookie("passes", before.value)
    assert thief.client.get("/staff").status_code == 303


def test_a_login_ends_after_a_shift(shop: Shop) -> None:
    desk = shop.desk(KASIA)
    shop.clock.goes_on(staff.SESSION_SECONDS + 1)
    assert desk.client.get("/staff").status_code == 303


@pytest.mark.parametrize("path", ["/staff", "/staff/cards/x-Y_1", "/console/offers?published=1", "/console"])
def test_goes_on_to_our_own_pages(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example/staff",
        "/\\evil.example",
        "/staff//evil.example",
        "/staff@evil.example",
        "/staff\n",
        "/staff/../api",
        "/staffing",
        "javascript:alert(1)",
        "/staff\\@evil.example",
        "staff",
        "/login",
        "/staff?next=//evil.example",
        "\t/staff",
        "",
        None,
    ],
)
def test_goes_nowhere_else(path: str | None) -> None:
    assert own_path(path) is None


def test_next_of_another_site_is_left_out(shop: Shop) -> None:
    assert shop.desk().logs_in(KASIA, next="//evil.example").location == "/staff"
    assert shop.desk().logs_in(KASIA, next="/staff/cards/abc").location == "/staff/cards/abc"


def test_somebody_new_chooses_a_password_by_a_link_that_works_once(shop: Shop) -> None:
    with shop.service.store.transaction() as tx:
        token = staff.invite(tx, staff.add(tx, "Ola@Cafe.example.org", "cashier", shop.service.now), shop.service.now)
    desk = shop.desk()
    assert desk.opens(f"/invitation/{token}").status_code == 200
    assert desk.sends(f"/invitation/{token}", {"password": "short"}).status_code == 422
    assert desk.sends(f"/invitation/{token}", {"password": PASSWORD}).location == "/staff"
    assert shop.desk().opens(f"/invitation/{token}").status_code == 404
    assert shop.desk().logs_in("ola@cafe.example.org").status_code == 303


def test_an_old_invitation_is_refused(shop: Shop) -> None:
    with shop.service.store.transaction() as tx:
        person = staff.find(tx, KASIA)
        token = staff.invite(tx, person, shop.service.now)
        with pytest.raises(NotFound):
            staff.invited(tx, token, shop.service.now + staff.INVITATION_SECONDS)


@pytest.mark.parametrize("password", ["short", "passwordpassword", "aaaaaaaaaaaaaaaa", "kasia-kasia-kasia", "x" * 129])
def test_refuses_passwords_that_are_guessed(password: str) -> None:
    with pytest.raises(BadInput):
        staff.hash_password(password, KASIA)


def test_takes_a_password_in_either_spelling() -> None:
    account = staff.Account(None, staff.hash_password("zażółć gęślą jaźń", KASIA))
    assert account.password and account.password.startswith("$argon2id$")
    assert staff.verify(account, "zaz\u0307o\u0301\u0142c\u0301 ge\u0328s\u0301la\u0328 jaz\u0301n\u0301")


def test_keeps_no_token_and_no_password_in_the_clear(shop: Shop) -> None:
    desk = shop.desk(KASIA)
    desk.opens("/staff")
    with shop.service.store.transaction() as tx:
        token = staff.log_in(tx, staff.find(tx, KASIA), shop.service.now)
        hashes = tx.execute(select(t.StaffSession.hash)).scalars().all()
    assert token.encode() not in hashes


def test_speaks_three_languages(shop: Shop) -> None:
    desk = shop.desk()
    for language, word in (("ru", "Войти"), ("pl", "Zaloguj się"), ("en", "Log in")):
        desk.opens(f"/login?language={language}")
        assert word in desk.says
    desk.opens("/login?language=pl")
    desk.logs_in(KASIA)
    desk.opens("/staff")
    assert "Kasa" in desk.says


def test_people_logins_and_tries_in_either_database(store_url: str) -> None:
    store = Store(store_url)
    schema.upgrade(store)
    with store.transaction() as tx:
        kasia = staff.add(tx, KASIA, "cashier", 100)
        link = staff.invite(tx, kasia, 100)
    with store.reading() as tx:
        assert staff.invited(tx, link, 101) == kasia and progress.standing(tx).left == 0
    with store.transaction() as tx:
        staff.set_password(tx, staff.invited(tx, link, 102, lock=True), "a hash")
        token = staff.log_in(tx, kasia, 103)
        counters = Counter(b"a" * 32, 1), Counter(b"b" * 32, 20)
        assert [tries.begin(tx, counters, 104) for _ in range(2)] == [0, 60]
        tries.forgive(tx, *counters)
        assert tries.begin(tx, counters, 105) == 0
    presence = staff.present(store, token, 104)
    assert presence and presence.person == kasia
    assert staff.present(store, token, 103 + staff.SESSION_SECONDS) is None
    with store.transaction() as tx:
        assert staff.all(tx) == [kasia]
        staff.remove(tx, kasia, 105)
        assert staff.account(tx, KASIA).password is None
    assert staff.present(store, token, 106) is None
    store.close()
