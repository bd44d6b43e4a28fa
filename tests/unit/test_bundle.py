"""The archive itself: what is in it, that it is always the same, and what it costs to make one."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from passes.card import Progress
from passes.errors import BadInput
from passes.wallets.apple import model, strings
from passes.wallets.apple.bundle import Template, bundle_many, pictures
from passes.wallets.apple.render import STYLES

from ..passcheck import check, check_many, check_same
from .apple_cards import ANNA, COFFEE, DAY, GOLD, LINK, NOW, TOKEN, built, cafe, certs, files, issuer, signer, template


def root() -> Path:
    return certs() / "dev-root.pem"


def test_a_pass_holds_the_looks_pictures_and_words_in_three_languages() -> None:
    assert list(files(built())) == [
        *("icon.png", "icon@2x.png", "icon@3x.png", "logo.png", "logo@2x.png", "logo@3x.png"),
        *("strip.png", "strip@2x.png", "strip@3x.png"),
        *("en.lproj/pass.strings", "ru.lproj/pass.strings", "pl.lproj/pass.strings"),
        *("pass.json", "manifest.json", "signature"),
    ]


def test_other_programs_read_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "card.pkpass"
    path.write_bytes(built())
    subprocess.run(["unzip", "-tqq", path], check=True, timeout=30)
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {each.date_time for each in archive.infolist()} == {(2020, 1, 1, 0, 0, 0)}
        assert {each.external_attr >> 16 for each in archive.infolist()} == {0o100644}


def test_equal_cards_give_equal_bytes_whichever_template_made_them() -> None:
    assert built() == Template(cafe(), issuer(), signer()).build(ANNA, TOKEN, LINK, NOW)
    later = template().build(ANNA, TOKEN, LINK, NOW + DAY)
    assert check_same(built(), later) == [] and later != built()


def test_members_do_not_see_each_others_words() -> None:
    first = built(replace(ANNA, balance=7))
    built(replace(ANNA, name="Someone Else", balance=8))
    assert built(replace(ANNA, balance=7)) == first


def test_a_pass_is_the_same_whoever_came_before() -> None:
    """Members with other fields, or with the same fields and other values, share what is prepared."""
    cards = [
        ANNA,
        replace(ANNA, name=""),
        replace(ANNA, status="blocked"),
        replace(ANNA, status="closed"),
        replace(ANNA, news=None, expiring=None),
        replace(ANNA, progress=Progress("tier", "gold", GOLD, 10, 15)),
        replace(ANNA, progress=Progress("reward", "coffee", COFFEE, 10, 15)),
        replace(ANNA, currency="JPY"),
        replace(ANNA, worth=None),
        replace(ANNA, expires=NOW + DAY),
        replace(ANNA, code="анна"),
        replace(ANNA, name='\0balance\0 "%s"', number="1", balance=-5),
    ]
    own = Template(cafe(), issuer(), signer())
    for link in (LINK, "", "javascript:alert(1)"):
        for card in cards:
            alone = Template(cafe(), issuer(), signer()).build(card, TOKEN, link, NOW)
            assert own.build(card, TOKEN, link, NOW) == alone


def test_what_is_kept_of_a_pass_leaves_the_looks_pictures_out() -> None:
    kept = template().rest(ANNA, TOKEN, LINK, NOW)
    assert template().beginning(ANNA) + kept == built()
    assert len(kept) < 20_000 < len(template().beginning(ANNA))


def test_a_changed_programme_changes_the_words_at_once() -> None:
    built()
    offer = replace(ANNA.offers[0], title={"en": "Triple points"})
    words = strings.read(files(built(replace(ANNA, offers=(offer,))))["en.lproj/pass.strings"])
    assert words["offer.0.title"] == "Triple points"


def test_more_programmes_than_are_kept_ready_still_get_their_own_words() -> None:
    own = Template(cafe(), issuer(), signer())
    for n in range(600):
        own._sheet(replace(ANNA, terms={"en": f"Terms {n}"}))
    assert len(own._sheets) <= 512
    words = strings.read(
        files(own.build(replace(ANNA, terms={"en": "Mine"}), TOKEN, LINK, NOW))["en.lproj/pass.strings"]
    )
    assert words["terms.words"] == "Mine"


def test_threads_share_one_template() -> None:
    made = [replace(ANNA, serial=f"member-{n}", balance=n) for n in range(200)]
    own = Template(cafe(), issuer(), signer())
    with ThreadPoolExecutor(4) as pool:
        bundles = list(pool.map(lambda card: own.build(card, TOKEN, LINK, NOW), made))
    assert bundles == [built(card) for card in made]
    assert check(bundles[7], root(), NOW + 1) == []


def test_several_cards_travel_in_one_file() -> None:
    together = bundle_many([built(), built(style="generic")])
    assert check_many(together, root(), NOW + 1) == []
    with ZipFile(BytesIO(together)) as archive:
        assert archive.namelist() == ["1.pkpass", "2.pkpass"]


@pytest.mark.parametrize("count", [0, 11])
def test_a_file_of_no_or_too_many_cards_is_refused(count: int) -> None:
    with pytest.raises(BadInput, match="1 to 10"):
        bundle_many([built()] * count)


def test_a_file_of_too_large_cards_is_refused() -> None:
    with pytest.raises(BadInput, match="150 MB"):
        bundle_many([bytes(20_000_000)] * 8)


def test_a_look_without_a_size_of_a_picture_is_packed_without_it() -> None:
    images = {name: image for name, image in cafe().images.items() if name != "logo@1x"}
    assert "logo.png" not in pictures(images, STYLES["store"])


def test_words_come_back_as_they_were_written() -> None:
    text = 'She said "\\n" & left\nthen – Żółć 👩\u200d🔧'
    raw = strings.BOM + strings.encode(strings.line("a.b", text))
    assert strings.read(raw) == {"a.b": text}
    assert strings.read(b'/* c */ "a" = "\\U0416";') == {"a": "Ж"}
    with pytest.raises(BadInput, match="line 2"):
        strings.read(b'"a" = "b";\n"c" = ')
    with pytest.raises(BadInput, match="neither"):
        strings.read(b'"a" = "\xff\xff";')


def test_nothing_of_the_library_below_leaks_into_a_field() -> None:
    assert model.Field("a", 1).json_dict() == {"key": "a", "value": 1}
    assert b'"changeMessage":""' not in files(built())["pass.json"]
    assert b"textAlignment" not in files(built())["pass.json"]


def test_a_pass_costs_little_more_than_its_signature() -> None:
    """Loose on purpose, since machines are shared; `bench/` measures well. Loading a key would cost 100 times more."""
    key, attributes = signer().identity.key, bytes(104)
    cards = [replace(ANNA, serial=f"member-{n}", balance=n) for n in range(50)]
    built()

    def signs() -> None:
        for _ in cards:
            key.sign(attributes, padding.PKCS1v15(), SHA256())

    def builds() -> None:
        for card in cards:
            built(card)

    assert min(_seconds(builds) / _seconds(signs) for _ in range(5)) < 2.5


def _seconds(work: object) -> float:
    assert callable(work)
    start = time.process_time()
    work()
    return time.process_time() - start
