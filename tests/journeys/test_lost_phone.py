"""A phone is lost: the card is stopped, its links are taken back, and its member gets a new one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from passes import assemble, cards, create_app
from passes.cli import main
from passes.members import Person
from passes.service import Service
from tests.home import new_home


@pytest.fixture
def shop(tmp_path: Path) -> Service:
    return assemble(new_home(tmp_path, apple=False))


@pytest.fixture
def number(shop: Service) -> str:
    with shop.store.transaction() as tx:
        joined = shop.members.join(tx, "cafe", Person("en", "Anna"), shop.now)
        return str(cards.by_serial(tx, joined.serial).row.number)


def passes(shop: Service, *words: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(shop.settings.home), *words])


def link(shop: Service, number: str, *words: str) -> str:
    return passes(shop, "card", "link", number, *words).stdout.strip().removeprefix(shop.settings.server.public_url)


def test_a_blocked_card_shows_it_and_opens_again(shop: Service, number: str) -> None:
    assert passes(shop, "card", "block", number).exit_code == 0
    with shop.store.reading() as tx:
        blocked = cards.by_number(tx, number)
    assert (blocked.row.status, blocked.revision.card.is_void, blocked.row.revision) == ("blocked", True, 2)

    assert passes(shop, "card", "open", number).exit_code == 0
    with shop.store.reading() as tx:
        assert not cards.by_number(tx, number).revision.card.is_void


def test_a_new_link_ends_the_old_ones(shop: Service, number: str) -> None:
    phone = create_app(shop.settings.home).test_client()
    old = link(shop, number)
    assert phone.get(old).status_code == 200

    new = link(shop, number, "--new")

    assert phone.get(new).status_code == 200
    assert phone.get(old).status_code == 410


def test_a_card_that_ended_is_not_opened_again(shop: Service, number: str) -> None:
    with shop.store.transaction() as tx:
        held = cards.by_number(tx, number)
        member = shop.members.identity(tx, held.row.member_id)
        shop.members.erase(tx, member, shop.now)

    refused = passes(shop, "card", "open", number)

    assert refused.exit_code == 1
    assert "closed for good" in refused.output


def test_an_unknown_number_is_said_to_be_unknown(shop: Service) -> None:
    assert "no such card" in passes(shop, "card", "block", "123456789012").output
