"""A look is read whole or refused in a sentence; no picture of a stranger harms or holds us up."""

from __future__ import annotations

import io
import os
import random
import shutil
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from babel import Locale
from PIL import Image, ImageDraw

from passes import look
from passes.errors import ConfigError
from passes.look import artwork
from passes.look.colours import LEAST_CONTRAST, contrast
from passes.look.description import STYLES
from passes.words import LANGUAGES, Words

CARDS = Path(__file__).parents[2] / "templates" / "cards"
BROWN = (42, 22, 13)
APPLE_SIZES = {"icon": (38, 38), "strip": (375, 144), "thumbnail": (90, 90)}


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    return look.gallery(CARDS, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def folder(tmp_path):
    """A small look of our own beside the common words, quick to prepare and free to break."""
    shutil.copytree(CARDS / "words", tmp_path / "words")
    made = tmp_path / "mine"
    made.mkdir()
    picture("RGB", (400, 154), BROWN).save(made / "strip.png")
    picture("RGB", (114, 114), BROWN).save(made / "icon.png")
    picture("RGBA", (100, 50), (255, 255, 255, 255)).save(made / "logo.png")
    (made / "look.toml").write_text(
        'title = "Mine"\nstyle = "store"\n'
        '[colours]\nbackground = "#2a160d"\nforeground = "#fff4e3"\nlabel = "#e3b98c"\n'
        '[images]\nicon = "icon.png"\nlogo = "logo.png"\nstrip = "strip.png"\n'
    )
    return made


def picture(mode, size, colour=0):
    return Image.new(mode, size, colour)


def as_bytes(image, kind="PNG", **options):
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def opened(png):
    return Image.open(io.BytesIO(png))


def change(folder, old, new):
    path = folder / "look.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def refusal(folder):
    with pytest.raises(ConfigError) as refused:
        look.load(folder)
    return str(refused.value)


# What ships


def test_the_gallery_holds_three_looks_ready_to_use(shipped):
    assert list(shipped) == ["cafe", "salon", "shop"]
    for name, one in shipped.items():
        assert one.name == name and one.title and one.style in STYLES
        assert contrast(one.foreground, one.background) >= LEAST_CONTRAST
        assert contrast(one.label, one.background) >= LEAST_CONTRAST


def test_every_picture_has_the_size_phones_expect(shipped):
    for one in shipped.values():
        for role in ("icon", "strip"):
            for scale in (1, 2, 3):
                width, height = APPLE_SIZES[role]
                assert opened(one.images[f"{role}@{scale}x"]).size == (width * scale, height * scale)
        for scale in (1, 2, 3):
            width, height = opened(one.images[f"logo@{scale}x"]).size
            assert width <= 160 * scale and height <= 50 * scale
        assert opened(one.images["hero"]).size == (1032, 336)
        assert one.images["logo"] == one.images["logo@3x"]


def test_a_whole_set_of_pictures_travels_light(shipped):
    for one in shipped.values():
        assert sum(len(png) for role, png in one.images.items() if "@" in role) < 110_000


def test_the_sources_are_small_enough_to_keep():
    sources = list(CARDS.rglob("*.png"))
    assert sources and all(path.stat().st_size < 150_000 for path in sources)


# Words


def test_every_language_says_the_same_things(shipped):
    words = shipped["cafe"].words
    assert set(words) == set(LANGUAGES)
    for language in LANGUAGES:
        assert words[language].keys() == words["en"].keys()


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", {1: "point", 2: "points", 5: "points", 21: "points", 0: "points"}),
        ("ru", {1: "балл", 2: "балла", 5: "баллов", 11: "баллов", 21: "балл", 22: "балла", 112: "баллов"}),
        ("pl", {1: "punkt", 2: "punkty", 5: "punktów", 12: "punktów", 21: "punktów", 22: "punkty"}),
    ],
)
def test_units_follow_the_number(shipped, language, expected):
    words = Words(language, shipped["cafe"].words[language])
    assert {n: words.say("unit.points", n=n) for n in expected} == expected


@pytest.mark.parametrize(
    ("language", "amount", "balance", "expected"),
    [
        ("en", 1, 21, "+1 point. You now have 21 points."),
        ("ru", 5, 21, "+5 баллов. Теперь на карте 21 балл."),
        ("pl", 2, 25, "+2 punkty. Stan karty: 25 punktów."),
    ],
)
def test_news_is_a_sentence_in_every_language(shipped, language, amount, balance, expected):
    words = Words(language, shipped["shop"].words[language])
    said = words.say(
        "news.earn",
        amount=f"{words.number(amount)} {words.say('unit.points', n=amount)}",
        balance=f"{words.number(balance)} {words.say('unit.points', n=balance)}",
    )
    assert said == expected


def test_every_kind_of_news_and_card_has_words(shipped):
    for entries in shipped["cafe"].words.values():
        for kind in (
            "earn",
            "welcome",
            "redeem",
            "reward",
            "reverse",
            "adjust",
            "expire",
            "offer",
            "full",
            "topup",
            "transfer",
            "referral",
        ):
            assert f"news.{kind}" in entries
        for kind in ("points", "stamps", "cashback", "gift", "visits", "membership", "coupons"):
            assert "{organisation}" in entries[f"description.{kind}"]


def test_a_look_overlays_the_common_words(folder):
    (folder / "words").mkdir()
    (folder / "words" / "pl.toml").write_text('[label]\nbalance = "Ziarenka"\n')
    words = look.load(folder).words
    assert words["pl"]["label.balance"] == "Ziarenka"
    assert words["en"]["label.balance"] == "Balance"


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ('[label]\nbalanse = "x"\n', "missing in"),
        ('[news]\nearn = "{amount} {units} {balance}"\n', "different"),
        ('[news]\nearn = "{amount.__class__}"\n', "plain name in braces"),
        ('[news]\nearn = "{amount!r}"\n', "plain name in braces"),
        ('[news]\nearn = "{amount:>99999999}"\n', "plain name in braces"),
        ('[news]\nearn = "{amount"\n', "plain name in braces"),
        ('[label]\nbalance = ""\n', "1 to 600 letters"),
        ("[label]\nbalance = 7\n", "1 to 600 letters"),
        ('[unit]\npoints = { one = "a", other = "b" }\n', "few, many, one, other"),
        ("[label\n", "not valid TOML"),
    ],
)
def test_words_that_do_not_fit_are_refused(folder, own, said):
    (folder / "words").mkdir()
    (folder / "words" / "ru.toml").write_text(own)
    assert said in refusal(folder)


def test_plural_forms_are_those_of_the_language(shipped):
    for language, entries in shipped["cafe"].words.items():
        forms = {*Locale.parse(language).plural_form.tags, "other"}
        units = [entry for key, entry in entries.items() if key.startswith("unit.")]
        assert units and all(set(unit) == forms for unit in units)


# look.toml


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "Mine"', "title = 7", "title is '7'"),
        ('title = "Mine"', "", "title is missing"),
        ('title = "Mine"', 'titel = "Mine"', 'did you mean "title"?'),
        ('style = "store"', 'style = "wallet"', 'one of "store", "coupon", "generic"'),
        ('style = "store"', 'style = ["store"]', "style is"),
        ('"#2a160d"', '"brown"', "colours.background is 'brown'; expected is a colour"),
        ('"#2a160d"', "[1, 2, 3]", "colours.background is"),
        ('"#fff4e3"', '"#2b170e"', "has a contrast of only 1.0:1"),
        ('"#e3b98c"', '"#7a5030"', "colours.label #7a5030 has a contrast of only"),
        ("[colours]", "[colors]", 'did you mean "colours"?'),
        ("[colours]", "[images.colours]", "colours is missing"),
        ('logo = "logo.png"', "", "images.logo is missing"),
        ('"logo.png"', '"../logo.png"', "without any path"),
        ('"logo.png"', '"/etc/passwd"', "without any path"),
        ('"logo.png"', '"nothing.png"', "no such file"),
        ('"logo.png"', "7", "no such file"),
        ('logo = "logo.png"', 'logo = "logo.png"\nthumbnail = "logo.png"', "not shown on a card of style"),
        ('logo = "logo.png"', 'logo = "logo.png"\nlgo = "logo.png"', 'did you mean "logo"?'),
        ("[images]", "images = [", "not valid TOML"),
    ],
)
def test_a_wrong_value_is_named_with_the_fix(folder, old, new, said):
    change(folder, old, new)
    message = refusal(folder)
    assert said in message and "mine/look.toml" in message


def test_the_suggested_colour_can_be_read(folder):
    change(folder, '"#e3b98c"', '"#7a5030"')
    change(folder, "#7a5030", refusal(folder).split('try "')[1][:7])
    look.load(folder)


def test_the_balance_must_be_readable_on_the_strip_itself(folder):
    picture("RGB", (400, 154), (240, 225, 200)).save(folder / "strip.png")
    message = refusal(folder)
    assert "strip_foreground" in message and 'try "#000000"' in message
    change(folder, 'label = "#e3b98c"', 'label = "#e3b98c"\nstrip_foreground = "#000000"')
    look.load(folder)


def test_a_restless_strip_asks_for_a_calmer_picture(folder):
    chequered = picture("RGB", (400, 154), BROWN)
    for x in range(0, 400, 20):
        ImageDraw.Draw(chequered).rectangle((x, 0, x + 9, 154), fill=(255, 255, 255))
    chequered.save(folder / "strip.png")
    assert "darker and calmer" in refusal(folder)


def test_a_look_that_is_no_folder_is_explained(tmp_path):
    assert "cannot be read as a folder" in refusal(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "empty/look.toml is missing" in refusal(tmp_path / "empty")


def test_links_pipes_and_crowds_are_refused(folder):
    (folder / "logo.png").unlink()
    (folder / "logo.png").symlink_to("/etc/hostname")
    assert "a link to elsewhere" in refusal(folder)
    (folder / "logo.png").unlink()
    os.mkfifo(folder / "logo.png")
    assert "not an ordinary file" in refusal(folder)
    (folder / "logo.png").unlink()
    for number in range(70):
        (folder / f"{number}.txt").touch()
    assert "more than 64 files" in refusal(folder)


def test_a_file_is_not_read_beyond_its_limit(folder):
    with open(folder / "strip.png", "ab") as strip:
        strip.truncate(3_000_000_000)
    assert "larger than 8 MB" in refusal(folder)


def test_text_in_another_encoding_is_refused(folder):
    (folder / "look.toml").write_bytes('title = "Café"'.encode("latin-1"))
    assert "UTF-8" in refusal(folder)


def test_a_look_without_a_strip_shows_a_small_picture(folder):
    change(folder, 'style = "store"', 'style = "generic"')
    change(folder, 'strip = "strip.png"', 'thumbnail = "icon.png"\nhero = "strip.png"')
    images = look.load(folder).images
    assert opened(images["thumbnail@3x"]).size == (270, 270) and "strip@1x" not in images
    assert opened(images["hero"]).size == (1032, 336)


# Digest and cache


def test_the_digest_follows_content_and_nothing_else(folder, tmp_path):
    before = look.load(folder).digest
    elsewhere = tmp_path / "other" / "mine"
    shutil.copytree(folder, elsewhere)
    shutil.copytree(tmp_path / "words", tmp_path / "other" / "words")
    os.utime(elsewhere / "icon.png", (0, 0))
    assert look.load(elsewhere).digest == before
    change(elsewhere, '"#e3b98c"', '"#e3b98d"')
    assert look.load(elsewhere).digest != before


def test_changed_common_words_change_the_digest(folder):
    before = look.load(folder).digest
    english = folder.parent / "words" / "en.toml"
    english.write_text(english.read_text().replace("Your history", "Your story"))
    assert look.load(folder).digest != before


def test_a_second_start_takes_the_pictures_from_the_cache(folder, tmp_path, monkeypatch):
    first = look.load(folder, tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".zip"]
    monkeypatch.delattr(artwork, "prepare")
    assert look.load(folder, tmp_path / "cache") == first


@pytest.mark.parametrize("damage", [b"", b"PK", b"\0" * 4096])
def test_a_damaged_cache_is_made_anew(folder, tmp_path, damage):
    cache = tmp_path / "cache"
    first = look.load(folder, cache)
    kept = next(cache.iterdir())
    kept.write_bytes(damage)
    assert look.load(folder, cache) == first
    assert zipfile.ZipFile(kept).testzip() is None


def test_a_cache_that_cannot_be_written_is_done_without(folder, tmp_path):
    (tmp_path / "file").touch()
    assert look.load(folder, tmp_path / "file").images


# Pictures of strangers


def prepared(source, role="strip"):
    """Refused or handled: what came out, or None. Either way quickly."""
    began = time.process_time()
    try:
        images = artwork.prepare(role, source, BROWN, "mine/picture.png")
    except ConfigError as refused:
        assert str(refused).startswith("mine/picture.png: ")
        images = None
    assert time.process_time() - began < 0.2 or images
    return images


def png_that_claims(width, height):
    """A PNG whose header promises far more pixels than its few bytes hold."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"\0" * 1_000_000, 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def webp_that_claims(width, height):
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas
    body += as_bytes(picture("RGB", (16, 16)), "WEBP", lossless=True)[12:]
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


REFUSED = {
    "nothing": b"",
    "text": b"hello",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "gif": as_bytes(picture("P", (400, 200)), "GIF"),
    "bmp": as_bytes(picture("RGB", (400, 200)), "BMP"),
    "tiff": as_bytes(picture("RGB", (400, 200)), "TIFF"),
    "ico": as_bytes(picture("RGB", (64, 64)), "ICO"),
    "pdf": b"%PDF-1.7\n",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 400 200\n",
    "bomb": png_that_claims(30_000, 30_000),
    "claims the most": png_that_claims(2**31 - 1, 2**31 - 1),
    "just above 20 megapixels": png_that_claims(5_000, 4_001),
    "no width": png_that_claims(0, 400),
    "webp bomb": webp_that_claims(16_383, 16_383),
    "webp beyond its format": webp_that_claims(2**24, 2**24),
    "short of rows": png_that_claims(2_000, 2_000),
    "one pixel": as_bytes(picture("RGB", (1, 1))),
    "a thread": as_bytes(picture("RGB", (5_000, 3))),
    "heavy": b"\x89PNG\r\n\x1a\n" + b"\0" * artwork.MOST_BYTES,
    "moving png": as_bytes(
        picture("RGB", (400, 200)),
        save_all=True,
        append_images=[picture("RGB", (400, 200), (9, 9, 9))],
    ),
    "moving webp": as_bytes(
        picture("RGB", (400, 200)),
        "WEBP",
        save_all=True,
        append_images=[picture("RGB", (400, 200), (200, 9, 9))],
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_still_picture_of_fair_size_is_refused_quickly(kind):
    assert prepared(REFUSED[kind]) is None


HANDLED = {
    "jpeg": as_bytes(picture("RGB", (400, 200)), "JPEG"),
    "a phone's jpeg of two views": as_bytes(
        picture("RGB", (400, 200)), "MPO", save_all=True, append_images=[picture("RGB", (400, 200))]
    ),
    "webp": as_bytes(picture("RGB", (400, 200)), "WEBP"),
    "webp lossless": as_bytes(picture("RGBA", (400, 200)), "WEBP", lossless=True),
    "cmyk jpeg": as_bytes(picture("CMYK", (400, 200)), "JPEG"),
    "grey": as_bytes(picture("L", (400, 200))),
    "black and white": as_bytes(picture("1", (400, 200))),
    "palette": as_bytes(picture("P", (400, 200))),
    "palette with transparency": as_bytes(picture("P", (400, 200)), transparency=0),
    "grey with alpha": as_bytes(picture("LA", (400, 200))),
    "16-bit grey": as_bytes(picture("I;16", (400, 200))),
    "an archive behind it": as_bytes(picture("RGB", (400, 200))) + b"PK\x03\x04 and a whole archive",
}


@pytest.mark.parametrize("kind", HANDLED)
@pytest.mark.parametrize("role", ["strip", "icon", "logo"])
def test_every_way_to_write_colours_is_understood(kind, role):
    images = prepared(HANDLED[kind], role)
    assert images and all(opened(png).format == "PNG" for png in images.values())


def test_nothing_of_the_file_but_its_colours_survives():
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    source = as_bytes(picture("RGB", (400, 200)), "JPEG", exif=exif, comment=b"secret") + b"PK\x03\x04secret"
    for png in prepared(source).values():
        assert b"secret" not in png and b"home" not in png
        assert not opened(png).getexif() and not opened(png).text


def test_a_photo_taken_sideways_is_put_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = picture("RGB", (200, 400), (0, 0, 255))
    upright.paste((255, 0, 0), (0, 200, 200, 400))
    red_left = opened(prepared(as_bytes(upright, "JPEG", exif=exif, quality=95))["strip@1x"]).convert("RGB")
    assert red_left.getpixel((20, 70))[0] > 200 and red_left.getpixel((350, 70))[2] > 200


def test_16_bit_grey_keeps_its_brightness():
    half = picture("I;16", (400, 200), 32_896)
    assert opened(prepared(as_bytes(half))["strip@1x"]).convert("RGB").getpixel((9, 9)) == (128, 128, 128)


def test_a_transparent_icon_lies_on_the_card_and_a_logo_stays_transparent():
    drawn = picture("RGBA", (200, 200))
    ImageDraw.Draw(drawn).ellipse((60, 60, 139, 139), fill=(255, 255, 255, 255))
    icon = opened(prepared(as_bytes(drawn), "icon")["icon@3x"]).convert("RGB")
    logo = opened(prepared(as_bytes(drawn), "logo")["logo@3x"]).convert("RGBA")
    assert icon.getpixel((2, 2)) == BROWN and icon.getpixel((57, 57)) == (255, 255, 255)
    assert logo.size == (150, 150) and logo.getpixel((0, 0))[3] == 0  # its empty margin is gone


def test_even_noise_comes_out_light():
    noise = Image.frombytes("RGB", (1125, 432), random.Random(1).randbytes(1125 * 432 * 3))
    images = artwork.prepare("strip", as_bytes(noise), BROWN, "noise.png")
    assert sum(map(len, images.values())) < 110_000


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_file_cut_off_anywhere_is_refused_or_handled(kind):
    ground = Image.effect_noise((64, 64), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 3
    source = as_bytes(ground, kind, exif=exif)
    for length in {*range(0, 120), *range(120, len(source), max(1, len(source) // 60))}:
        prepared(source[:length], "icon")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_file_with_flipped_bytes_is_refused_or_handled(kind):
    chance = random.Random(5)
    source = as_bytes(Image.effect_noise((64, 64), 60).convert("RGB"), kind)
    for _ in range(60):
        broken = bytearray(source)
        for _ in range(chance.randint(1, 6)):
            broken[chance.randrange(min(len(broken), 400))] = chance.randrange(256)
        prepared(bytes(broken), "icon")


def test_a_legitimate_picture_of_20_megapixels_is_accepted():
    assert prepared(as_bytes(picture("P", (5_000, 4_000)), optimize=False), "strip")
