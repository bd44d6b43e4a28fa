"""Other people's readers open our passes: two libraries from the world of Node, which share no code with us.

They are installed into `tests/readers/` by `make test`. What they understand is compared with what we wrote, so a
key they would drop or change is found; and each kind of damage shows that they can say no.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from passes import look
from passes.card import Card, News, Progress
from passes.wallets.apple import strings
from passes.wallets.apple.bundle import Template

from .apple_cards import ANNA, DAY, GOLD, LINK, LOOKS, NOW, TOKEN, built, files, issuer, signer

READERS = Path(__file__).parents[1] / "readers"
LANGUAGES = ("en", "ru", "pl")
GALLERY = sorted(path.parent.name for path in LOOKS.glob("*/look.toml"))

STATES: dict[str, Card] = {
    "everything on it": ANNA,
    "new": replace(ANNA, balance=0, tier=None, offers=(), news=None, expiring=None, locations=(), terms={}),
    "nameless": replace(ANNA, name="", currency=None, worth=None),
    "blocked": replace(ANNA, status="blocked"),
    "closed": replace(ANNA, status="closed", news=News("expire", -200, NOW)),
    "ends some day": replace(ANNA, expires=NOW + 30 * DAY, kind="membership"),
    "on the way to a level": replace(ANNA, progress=Progress("tier", "gold", GOLD, 10, 1000)),
    "quotes and emoji": replace(ANNA, name='O\'Neil "Bob" \\ 👩\u200d🔧', unit="stamps", currency="JPY"),
    "hears of an offer": replace(ANNA, news=News("offer", 0, NOW, ANNA.offers[0].title)),
}


def ours() -> Iterator[tuple[str, bytes]]:
    """Every look of the gallery and every style, in each language and state."""
    for name in GALLERY:
        template = Template(look.load(LOOKS / name), issuer(), signer())
        for language, (state, card) in product(LANGUAGES, STATES.items()):
            own = replace(card, look=name, language=language)
            yield f"{name}, {language}, {state}", template.build(own, TOKEN, LINK, NOW)
    for style, (state, card) in product(("coupon", "generic"), STATES.items()):
        yield f"{style}, {state}", built(card, style)


def read(passes: Mapping[str, bytes], folder: Path) -> dict[str, dict[str, Any]]:
    """What the readers make of each pass, or why they refuse it."""
    assert (READERS / "node_modules").is_dir(), "`make test` installs the readers"
    for name, bundle in passes.items():
        (folder / f"{name}.pkpass").write_bytes(bundle)
    command = ["node", str(READERS / "read.mjs"), str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    return {each["name"].removesuffix(".pkpass"): each for each in map(json.loads, said.splitlines())}


def test_every_look_language_and_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    passes = dict(ours())
    found = read(passes, tmp_path)
    assert found.keys() == passes.keys() and len(found) > 90
    for name, bundle in passes.items():
        inside, understood = files(bundle), found[name]
        assert "refused" not in understood, (name, understood["refused"])
        assert _as_we_write(understood["pass"]) == _as_we_write(json.loads(inside["pass.json"])), name
        assert understood["pictures"] == [each for each in inside if each.endswith(".png")], name
        for language, words in understood["words"].items():
            written = strings.read(inside[f"{language}.lproj/pass.strings"])
            assert words == {key: text for key, text in written.items() if text}, (name, language)
        assert understood["words"].keys() == set(LANGUAGES)


def _as_we_write(told: dict[str, Any]) -> dict[str, Any]:
    """This reader adds an empty list for every group of fields that a pass has none in, and keeps dates as instants."""
    style = next(key for key in ("storeCard", "coupon", "generic") if key in told)
    meant = told | {style: {group: fields for group, fields in told[style].items() if fields}}
    if "expirationDate" in meant:
        meant["expirationDate"] = datetime.fromisoformat(meant["expirationDate"])
    return meant


# Damage, and what is said of it


def _rewritten(change: Callable[[dict[str, Any]], object]) -> bytes:
    inside = files(built())
    told = json.loads(inside["pass.json"])
    change(told)
    return _zipped({**inside, "pass.json": json.dumps(told).encode()})


def _zipped(inside: Mapping[str, bytes]) -> bytes:
    whole = BytesIO()
    with ZipFile(whole, "w") as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    return whole.getvalue()


def _field(told: dict[str, Any], key: str) -> dict[str, Any]:
    return next(field for group in told["storeCard"].values() for field in group if field["key"] == key)


DAMAGED: dict[str, Callable[[], bytes]] = {
    "a flipped byte": lambda: built().replace(b'"formatVersion":1', b'"formatVersion":2'),
    "a flipped byte in a picture": lambda: built().replace(b"IDAT", b"IDAU", 1),
    "cut short": lambda: built()[:-30],
    "no icon": lambda: _zipped({name: raw for name, raw in files(built()).items() if not name.startswith("icon")}),
    "no serial number": lambda: _rewritten(lambda told: told.pop("serialNumber")),
    "a short token": lambda: _rewritten(lambda told: told.update(authenticationToken="short")),
    "a colour that is none": lambda: _rewritten(lambda told: told.update(backgroundColor="brown-ish")),
    "a code of an unknown form": lambda: _rewritten(lambda told: told["barcodes"][0].update(format="QR")),
    "a code without a message": lambda: _rewritten(lambda told: told["barcodes"][0].pop("message")),
    "a place without a latitude": lambda: _rewritten(lambda told: told["locations"][0].pop("latitude")),
    "a field without a value": lambda: _rewritten(lambda told: _field(told, "balance").pop("value")),
    "a field twice": lambda: _rewritten(lambda told: told["storeCard"]["backFields"].append(_field(told, "number"))),
    "a number style on words": lambda: _rewritten(lambda told: _field(told, "balance").update(value="many")),
    "an empty change message": lambda: _rewritten(lambda told: _field(told, "news").update(changeMessage="")),
}


@pytest.fixture(scope="module")
def told_of_damage(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return read({name: make() for name, make in DAMAGED.items()}, tmp_path_factory.mktemp("damaged"))


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_pass_is_refused(name: str, told_of_damage: dict[str, dict[str, Any]]) -> None:
    assert told_of_damage[name].get("refused"), told_of_damage[name]


def test_a_key_that_does_not_exist_is_not_understood(tmp_path: Path) -> None:
    bundle = _rewritten(lambda told: _field(told, "number").update(bold=True))
    understood = read({"bold": bundle}, tmp_path)["bold"]["pass"]
    assert b'"bold"' in files(bundle)["pass.json"] and "bold" not in json.dumps(understood)
