"""Turns a shop's picture into every size that phones want.

A picture is a stranger's file: its size in bytes and its kind and size in pixels are read and judged
before anything is decoded, nothing but a still PNG, JPEG or WebP is accepted, and what comes out is drawn
anew, so nothing of the original file but its colours survives (no camera data, no appended archive).
Each size has a byte budget, so that a card travels well over a mobile network.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, cast

from PIL import Image, ImageFilter, ImageOps

from ..errors import ConfigError
from .colours import Colour

MOST_BYTES = 8 * 1024 * 1024
MOST_PIXELS = 20_000_000
KINDS = ("PNG", "JPEG", "WEBP")
# Foreign bytes make decoders fail in all of these ways; each only means that the picture is broken.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, OverflowError, MemoryError, struct.error, zlib.error)


@dataclass(frozen=True)
class Role:
    """What a picture is for: its size in points, how it is fitted, and how heavy its largest scale may be."""

    width: int
    height: int
    fit: Literal["cover", "contain", "pad"]
    least: tuple[int, int]
    opaque: bool
    most_bytes: int
    scales: tuple[int, ...] = (1, 2, 3)

    @property
    def best(self) -> tuple[int, int]:
        return self.width * self.scales[-1], self.height * self.scales[-1]


# Sizes: Apple, Human Interface Guidelines, Wallet; the hero is the e-card's wide picture and, like the emblem,
# Google's (Google Wallet, Brand guidelines: 1032 x 336, and a square of 660 that is shown as a circle).
ROLES = {
    "icon": Role(38, 38, "pad", least=(38, 38), opaque=True, most_bytes=8_000),
    "logo": Role(160, 50, "contain", least=(16, 16), opaque=False, most_bytes=10_000),
    "strip": Role(375, 144, "cover", least=(375, 144), opaque=True, most_bytes=50_000),
    "thumbnail": Role(90, 90, "cover", least=(90, 90), opaque=False, most_bytes=30_000),
    "hero": Role(1032, 336, "cover", least=(375, 122), opaque=True, most_bytes=45_000, scales=(1,)),
    "emblem": Role(660, 660, "pad", least=(38, 38), opaque=True, most_bytes=60_000, scales=(1,)),
    "stamp": Role(240, 240, "contain", least=(48, 48), opaque=False, most_bytes=20_000, scales=(1,)),
}


def prepare(role: str, source: bytes, background: Colour, name: str) -> dict[str, bytes]:
    """PNG files by role and scale: {"icon@1x": ..., "icon@2x": ...}; a role of one scale is just "hero"."""
    asked = ROLES[role]
    picture = _decode(source, asked, name)
    if asked.opaque:
        picture = _lay_on(picture, background)
    elif asked.fit == "contain":
        picture = _trim(picture)
    if len(asked.scales) == 1:
        return {role: _fitted(picture, asked, 1, background)}
    return {f"{role}@{scale}x": _fitted(picture, asked, scale, background) for scale in asked.scales}


def still(source: bytes, name: str) -> Image.Image:
    """The picture's header, judged; nothing is decoded yet."""
    if len(source) > MOST_BYTES:
        raise ConfigError(f"{name}: larger than 8 MB; save it smaller, 1125 pixels wide is plenty.")
    if (_webp_pixels(source) or 0) > MOST_PIXELS:
        raise _too_large(name)
    try:
        with warnings.catch_warnings():
            # Pillow only warns from 89 megapixels on; our own limit below is far lower.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(BytesIO(source), formats=KINDS)
            # Phones store a second view or a depth map behind a JPEG; only its first picture is used.
            moves = getattr(picture, "is_animated", False) and picture.format != "MPO"
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except _BROKEN:
        raise ConfigError(f"{name}: not a PNG, JPEG or WebP picture, or damaged; save it anew as PNG.") from None
    if picture.width * picture.height > MOST_PIXELS:
        raise _too_large(name)
    if moves:
        raise ConfigError(f"{name}: an animation; a card shows a still picture, save one frame as PNG.")
    return picture


def _too_large(name: str) -> ConfigError:
    return ConfigError(f"{name}: more than 20 megapixels; save it smaller, 1125 pixels wide is plenty.")


def _webp_pixels(source: bytes) -> int | None:
    """Pixels that a WebP header declares: its decoder takes memory for all of them already on opening."""
    if source[:4] != b"RIFF" or source[8:12] != b"WEBP" or len(source) < 30:
        return None
    match source[12:16]:
        case b"VP8X":
            width = 1 + int.from_bytes(source[24:27], "little")
            return width * (1 + int.from_bytes(source[27:30], "little"))
        case b"VP8L":
            bits = int.from_bytes(source[21:25], "little")
            return (1 + (bits & 0x3FFF)) * (1 + (bits >> 14 & 0x3FFF))
        case _:
            width = int.from_bytes(source[26:28], "little") & 0x3FFF
            return width * (int.from_bytes(source[28:30], "little") & 0x3FFF)


def _decode(source: bytes, role: Role, name: str) -> Image.Image:
    opened = still(source, name)
    try:
        opened.draft(opened.mode, (2 * max(role.best), 2 * max(role.best)))
        opened.load()
        ImageOps.exif_transpose(opened, in_place=True)
        picture = _plain(opened)
        # Far more pixels than any size needs: shrink first, so that every later step is cheap.
        surplus = min(picture.width // role.best[0], picture.height // role.best[1]) // 2
        picture = picture.reduce(surplus) if surplus > 1 else picture
    except _BROKEN:
        raise ConfigError(f"{name}: damaged; save it anew as PNG.") from None
    if picture.width < role.least[0] or picture.height < role.least[1]:
        raise ConfigError(
            f"{name}: {picture.width} x {picture.height} pixels is too small; at least "
            f"{role.least[0]} x {role.least[1]} are needed, {role.best[0]} x {role.best[1]} are best."
        )
    return picture


def _plain(picture: Image.Image) -> Image.Image:
    """Whatever the file's way to write colours, as 8-bit RGB or RGBA."""
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _lay_on(picture: Image.Image, colour: Colour) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    ground = Image.new("RGBA", picture.size, colour)
    return Image.alpha_composite(ground, picture).convert("RGB")


def _trim(picture: Image.Image) -> Image.Image:
    """Without empty margins: a phone gives a logo little room, and none of it should be wasted."""
    box = picture.getchannel("A").getbbox() if picture.mode == "RGBA" else None
    return picture.crop(box) if box else picture


def _fitted(picture: Image.Image, role: Role, scale: int, background: Colour) -> bytes:
    size = role.width * scale, role.height * scale
    most_bytes = role.most_bytes * scale * scale // role.scales[-1] ** 2 + 2_000
    if role.fit == "cover":
        fitted = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    elif role.fit == "contain":
        fitted = _inside(picture, size)
    else:
        fitted = ImageOps.pad(picture, size, Image.Resampling.LANCZOS, color=background)
    return _light(fitted, most_bytes)


def _inside(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    share = min(size[0] / picture.width, size[1] / picture.height)
    inside = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    return picture.resize(inside, Image.Resampling.LANCZOS)


def _light(picture: Image.Image, most_bytes: int) -> bytes:
    """The best PNG within the budget; the lightest we can make if none is."""
    last = b""
    for attempt in _lighter_and_lighter(picture):
        written = BytesIO()
        attempt.save(written, "PNG", optimize=True)
        last = written.getvalue()
        if len(last) <= most_bytes:
            break
    return last


def _lighter_and_lighter(picture: Image.Image) -> Iterator[Image.Image]:
    """Fewer colours first; then softer, since what is heavy in a PNG is fine noise."""
    yield picture
    for colours in (256, 128, 80, 48):
        yield _of_few_colours(picture, colours)
    for radius in (1, 3, 8, 16):
        yield _of_few_colours(picture.filter(ImageFilter.GaussianBlur(radius)), 48)


def _of_few_colours(picture: Image.Image, colours: int) -> Image.Image:
    if picture.mode == "RGBA":
        return picture.quantize(colours, Image.Quantize.FASTOCTREE)
    return picture.quantize(colours, Image.Quantize.MEDIANCUT)


def colours_of(png: bytes, box: tuple[float, float, float, float]) -> list[tuple[int, Colour]]:
    """How often each colour stands in a part of one of our own pictures; the box is in shares of its size."""
    with Image.open(BytesIO(png), formats=("PNG",)) as picture:
        width, height = picture.size
        part = picture.convert("RGB").crop(
            (int(box[0] * width), int(box[1] * height), int(box[2] * width), int(box[3] * height))
        )
    counted = cast("list[tuple[int, Colour]] | None", part.getcolors(part.width * part.height))
    return counted or []
