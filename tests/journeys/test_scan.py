"""The code on the phone is scanned at the till."""

from __future__ import annotations

import pytest
import zxingcpp
from qrcode.main import QRCode

from passes.errors import CardNotActive, NotFound
from tests.cast import Member, Service, Till


def test_the_code_on_the_phone_is_her_card_at_the_till(service: Service, anna: Member, till: Till) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    held = till.scans(_photographed(phone.code))
    assert held.serial == anna.serial
    assert held.revision.card.name == "Anna"


def test_staff_see_what_the_member_sees(service: Service, anna: Member, till: Till) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    till.earns(phone, points=40)
    service.reconciles()
    card = till.scans(phone.code).revision.card
    assert card.balance == phone.shows("points") == 40


def test_the_code_stays_the_same_whatever_happens_to_the_card(service: Service, anna: Member, till: Till) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    code = phone.code
    till.earns(anna, points=40)
    service.reconciles()
    assert phone.code == code
    assert phone.only.bytes


def test_an_old_picture_of_the_card_brings_no_old_points(service: Service, anna: Member, till: Till) -> None:
    """The till asks the server; what a phone shows is only a picture."""
    phone = anna.takes_her_card_on_an_iphone()
    till.earns(anna, points=100)
    service.reconciles()
    screenshot = phone.code
    till.sells(anna, reward="espresso")
    assert till.scans(screenshot).revision.card.balance == 20


def test_a_forged_code_is_told_from_a_foreign_one(service: Service, anna: Member, till: Till) -> None:
    forged = anna.code[:-1] + ("A" if anna.code[-1] != "A" else "B")
    with pytest.raises(NotFound, match="not issued by us"):
        till.scans(forged)
    with pytest.raises(NotFound, match="not one of our cards"):
        till.scans("5901234123457")


def test_a_blocked_card_earns_nothing_and_says_why(service: Service, anna: Member, till: Till) -> None:
    service.blocks(anna)
    with pytest.raises(CardNotActive, match="blocked"):
        till.earns(anna, points=10)
    assert anna.balance == 0


def _photographed(code: str) -> str:
    """What a scanner reads from the code on a screen."""
    drawn = QRCode()
    drawn.add_data(code)
    (read,) = zxingcpp.read_barcodes(drawn.make_image().get_image().convert("L"))
    return str(read.text)
