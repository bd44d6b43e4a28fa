"""The join form's token: ours, of this browser, for this programme, neither too old nor too quick."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from passes.secrets import Secrets
from passes.web.customer import form
from passes.web.customer.form import Filled
from passes.words import Words

SECRETS = Secrets({"k1": os.urandom(32)})
BROWSER = form.new_browser()
OPENED = 1_795_302_000_000
WORDS = Words("en", {"join.wrong_name": "name {n}", "join.wrong_contact": "contact"})


def test_a_form_opened_here_may_be_sent() -> None:
    token = form.new_token(SECRETS, "cafe", BROWSER, OPENED)
    assert form.sending(SECRETS, token, "cafe", BROWSER, OPENED + 2000)


def test_two_forms_are_two_sendings() -> None:
    one, two = (form.new_token(SECRETS, "cafe", BROWSER, OPENED) for _ in range(2))
    assert one != two


def test_nobody_elses_form_is_taken() -> None:
    token = form.new_token(SECRETS, "cafe", BROWSER, OPENED)
    later = OPENED + 2000
    assert form.sending(SECRETS, token, "cafe", form.new_browser(), later) is None
    assert form.sending(SECRETS, token, "cafe", "", later) is None
    assert form.sending(SECRETS, token, "salon", BROWSER, later) is None
    assert form.sending(SECRETS, token.replace("1795", "1796"), "cafe", BROWSER, later + 86_400_000_000) is None
    assert form.sending(Secrets({"k1": os.urandom(32)}), token, "cafe", BROWSER, later) is None


def test_a_form_is_for_people_and_for_today() -> None:
    token = form.new_token(SECRETS, "cafe", BROWSER, OPENED)
    for after_ms in (-5000, 0, form.LEAST_MS - 1, form.MOST_MS + 1):
        assert form.sending(SECRETS, token, "cafe", BROWSER, OPENED + after_ms) is None


@given(st.text(max_size=120))
def test_any_token_is_judged_calmly(token: str) -> None:
    assert form.sending(SECRETS, token, "cafe", BROWSER, OPENED) is None


def test_a_contact_is_an_address_or_a_number() -> None:
    for good in ("", "anna@example.org", "+48 600 100 200", "600100200"):
        assert form.problems(Filled("", contact=good), WORDS, "PL") == {}
    for bad in ("anna", "12", "anna@", "a@b c", "+48 1"):
        assert form.problems(Filled("", contact=bad), WORDS, "PL") == {"contact": "contact"}
    assert form.problems(Filled("", name="A" * 61), WORDS, "PL") == {"name": "name 60"}


@given(st.text(max_size=254), st.text(max_size=254))
def test_whatever_is_typed_is_judged_calmly(name: str, contact: str) -> None:
    form.problems(Filled("", name=name, contact=contact), WORDS, "PL")
