"""What a scanner types on another layout is read as it was meant, by the server and by the till's page alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from passes import cards, codes
from passes.secrets import Secrets
from passes.web import staff
from passes.web.staff import layout, scan

RUSSIAN = str.maketrans(layout.MEANT, layout.TYPED_RUSSIAN)
GERMAN = str.maketrans(layout.MEANT_THERE, layout.TYPED_GERMAN)
SCRIPT = Path(staff.__file__).parents[2] / "static" / "js" / "till" / "layout.js"


def test_the_page_has_the_table_of_the_server() -> None:
    table = dict(re.findall(r'^const ([A-Z_]+) = "(.*)";$', SCRIPT.read_text("utf-8"), re.M))
    assert table == {name: getattr(layout, name) for name in table} and len(table) == 4


@pytest.mark.parametrize("typed", [RUSSIAN, GERMAN], ids=["Russian", "German"])
def test_a_code_is_read_as_it_was_meant(typed: dict[int, int]) -> None:
    secrets = Secrets({"k1": b"s" * 32})
    code = codes.make(b"\xce\x73\x9c\xe7\x39" * 2, cards.proof(secrets, secrets.current))
    assert "Z" in code and isinstance(scan.read(code.translate(typed), cards.code_keys(secrets)), scan.Code)
    made_up = f"{code[:-13]}{'A' * 13}".translate(typed)
    assert scan.read(made_up, cards.code_keys(secrets)) == scan.Wrong("forged")


@pytest.mark.parametrize("typed", [RUSSIAN, GERMAN], ids=["Russian", "German"])
def test_a_coupon_is_read_as_it_was_meant(typed: dict[int, int]) -> None:
    """Nothing in a coupon's code proves itself: on a German layout only its dashes tell."""
    assert scan.read("C-7K2M-9QRT-4WYZ".translate(typed), []) == scan.Coupon("C-7K2M-9QRT-4WYZ")
