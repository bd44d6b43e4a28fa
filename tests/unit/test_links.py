"""Links: nobody can make one up, and a dated one ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from passes.card import Contact, Promise, Revision
from passes.drawing import Facts, draw
from passes.links import LinkExpired, Links
from passes.secrets import Secrets

KEYS = {"k1": bytes(32)}
LINKS = Links("https://cards.example.org", Secrets(KEYS))
PROMISE = Promise("cafe", "points", {}, "points", "cafe", "1", Contact("Café"))
CARD = draw(Facts(PROMISE, "serial", "1", "LC1", "Anna", "en", "active", 1), 1)
REVISION = Revision(CARD, 1, 1, b"n" * 16, "k1")


def test_a_link_is_bound_to_card_nonce_and_generation():
    later = replace(CARD, link_version=2)
    other = replace(CARD, serial="serial2")
    links = {
        LINKS.card(REVISION),
        LINKS.card(replace(REVISION, card=later)),
        LINKS.card(replace(REVISION, card=other)),
        LINKS.card(replace(REVISION, nonce=b"m" * 16)),
    }
    assert len(links) == 4
    assert LINKS.card(replace(REVISION, number=9)) in links, "a new revision keeps its link"
    assert all(link.startswith("https://cards.example.org/card/serial") for link in links)
    assert "Anna" not in LINKS.card(REVISION)


def test_a_dated_proof_holds_until_its_time_and_says_when_it_is_over():
    proof = LINKS.dated("download", "serial", 1000)
    assert LINKS.is_dated("download", "serial", proof, now=1000)
    with pytest.raises(LinkExpired, match="expired"):
        LINKS.is_dated("download", "serial", proof, now=1001)


def test_a_proof_under_an_older_key_still_holds():
    proof = LINKS.dated("download", "serial", 1000)
    newer = Links("https://x", Secrets(KEYS | {"k2": bytes(31) + b"!"}))
    assert newer.is_dated("download", "serial", proof, now=1)
    assert not LINKS.is_dated("download", "serial", newer.dated("download", "serial", 1000), now=1)


def test_a_proof_for_something_else_is_none():
    until, _, key = LINKS.dated("download", "serial", 1000).partition(".")
    bad = ["", ".", f"{until}.", f".{key}", f"fff.{key}", f"{until}.{key}x", f"{until.upper()}.{key}", f"-1.{key}",
           f"{'f' * 11}.{key}", f"٣.{key}", f"{until}.\ud800", f"{until}.{key}.{key}"]  # fmt: skip
    assert not any(LINKS.is_dated("download", "serial", proof, now=1) for proof in bad)
    assert not LINKS.is_dated("download", "other", f"{until}.{key}", now=1)
    assert not LINKS.is_dated("look", "serial", f"{until}.{key}", now=1)
    assert not LINKS.is_dated("download", "serial\ud800", f"{until}.{key}", now=1)
