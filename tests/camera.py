"""What a camera at a till sees: a card on somebody's phone or on paper, held by hand, in the light there is.

A film is a file that Chromium plays as its camera; the browser reads the codes in it by itself, as on a tablet.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import zxingcpp
from PIL import Image, ImageEnhance, ImageFilter
from playwright.sync_api import Browser

from tests.browser import CHROMIUM, FLAGS

SIZE = (640, 480)
PICTURES = 8
_KINDS = zxingcpp.BarcodeFormat
WIDE = {_KINDS.QRCode: 7, _KINDS.PDF417: 3, _KINDS.Aztec: 8, _KINDS.Code128: 3}
"""Pixels of the camera to the smallest part of each kind of code, as at a hand's length."""


@dataclass(frozen=True)
class Hand:
    """How the card is held: turned by so many degrees, out of focus by so many pixels, in so much light."""

    turned: float = 0
    blurred: float = 0
    light: float = 1
    grain: int = 6


def film(path: Path, text: str, kind: zxingcpp.BarcodeFormat, hand: Hand = Hand()) -> Path:
    """A short film of the code, as uncompressed pictures that Chromium takes for a camera's."""
    chance = random.Random(path.name)
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F15:1 Ip A1:1 C420mpeg2\n".encode())
        for turn in range(PICTURES):
            out.write(b"FRAME\n" + _yuv(_picture(text, kind, hand, turn, chance)))
    return path


@contextmanager
def camera(chromium: Browser, film: Path) -> Iterator[Browser]:
    """A browser of the same kind whose camera sees this film; nobody has to allow it."""
    seen = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    browser = chromium.browser_type.launch(
        executable_path=CHROMIUM, args=[*FLAGS, *seen, f"--use-file-for-fake-video-capture={film}"]
    )
    try:
        yield browser
    finally:
        browser.close()


def _picture(text: str, kind: zxingcpp.BarcodeFormat, hand: Hand, turn: int, chance: random.Random) -> Image.Image:
    dots = memoryview(zxingcpp.create_barcode(text, kind).to_image(scale=WIDE[kind]))  # type: ignore[arg-type]
    height, width = cast(tuple[int, int], dots.shape)
    drawn = Image.frombytes("L", (width, height), dots.tobytes())
    paper = Image.new("L", SIZE, 118)
    sway = (turn % 3) - 1
    card = drawn.rotate(hand.turned + sway, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    paper.paste(card, ((SIZE[0] - card.width) // 2 + 3 * sway, (SIZE[1] - card.height) // 2))
    seen = ImageEnhance.Brightness(paper.filter(ImageFilter.GaussianBlur(hand.blurred))).enhance(hand.light)
    grain = Image.frombytes("L", SIZE, chance.randbytes(SIZE[0] * SIZE[1]))
    return Image.blend(seen, grain, hand.grain / 100)


def _yuv(picture: Image.Image) -> bytes:
    """Grey in YCbCr 4:2:0: brightness, and a quarter of neutral colour twice."""
    colour = bytes([128]) * (SIZE[0] * SIZE[1] // 4)
    return picture.tobytes() + colour + colour
