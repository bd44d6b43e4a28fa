"""The card as pictures: its code as drawing commands, the whole card as a PNG to keep or share.

Everything is drawn here, from the card and its look; no file of a stranger and no vendor's artwork.
The code is a QR of level Q (a quarter of it may be scratched away) with its full quiet zone, always
black on white, so that any till reads it.
"""

from __future__ import annotations

from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

import qrcode
from PIL import Image, ImageDraw, ImageFont
from qrcode.constants import ERROR_CORRECT_Q

from ...look import Look
from ...look.colours import Colour
from .face import Face

QUIET_ZONE = 4
_FONTS = Path(__file__).parents[2] / "static" / "fonts"
_WIDTH, _EDGE, _CORNER = 1080, 72, 56
_LINE = 1.28


@lru_cache(maxsize=1024)
def modules(code: str) -> tuple[tuple[bool, ...], ...]:
    """The dark and light squares of the code, without the quiet zone."""
    symbol = qrcode.QRCode(error_correction=ERROR_CORRECT_Q, border=0)
    symbol.add_data(code)
    symbol.make()
    return tuple(tuple(bool(dark) for dark in row) for row in symbol.get_matrix())


def code_size(code: str) -> int:
    """The side of the code with its quiet zone, in squares."""
    return len(modules(code)) + 2 * QUIET_ZONE


def code_path(code: str) -> str:
    """The code as an SVG path on a field of `code_size`; dark squares in a row are one stroke."""
    strokes = []
    for y, row in enumerate(modules(code), QUIET_ZONE):
        x = 0
        while x < len(row):
            length = next((n for n, dark in enumerate(row[x:]) if not dark), len(row) - x)
            if length:
                strokes.append(f"M{x + QUIET_ZONE} {y}h{length}v1h-{length}z")
            x += length + 1
    return "".join(strokes)


def card_png(face: Face, code: str, look: Look) -> bytes:
    """The whole card, 1080 pixels wide, to keep among the photos or to print."""
    return _png(_Sheet(look).draw(face, code))


def icon_png(icon_of_look: bytes, side: int) -> bytes:
    """A look's icon for a home screen: its own picture on its own colour, with room for a round mask."""
    icon = _opened(icon_of_look).convert("RGB").resize((side * 7 // 10,) * 2, Image.Resampling.LANCZOS)
    ground = Image.new("RGB", (side, side), icon.getpixel((2, 2)))
    ground.paste(icon, ((side - icon.width) // 2,) * 2)
    return _png(ground)


class _Sheet:
    """A card being drawn from the top down; `y` is where the next thing goes."""

    def __init__(self, look: Look) -> None:
        self.look, self.y = look, 0
        # Taller than any card: cut to what was used at the end.
        self.image = Image.new("RGB", (_WIDTH, 3200), look.background)
        self.pen = ImageDraw.Draw(self.image)

    def draw(self, face: Face, code: str) -> Image.Image:
        self._head(face)
        self._strip()
        self._balance(face)
        self._owner(face)
        self._code(face, code)
        return self._rounded(self.image.crop((0, 0, _WIDTH, self.y + _EDGE)))

    def _head(self, face: Face) -> None:
        logo = _opened(self.look.images["logo"]).convert("RGBA")
        logo.thumbnail((_WIDTH // 2, 96))
        self.image.paste(logo, (_EDGE, 56), logo)
        self._right(face.tier, 56 + 24, 40, self.look.foreground)
        self.y = 56 + max(96, logo.height) + 48

    def _strip(self) -> None:
        strip = _opened(self.look.images["hero"]).convert("RGB")
        height = strip.height * _WIDTH // strip.width
        self.image.paste(strip.resize((_WIDTH, height), Image.Resampling.LANCZOS), (0, self.y))
        self.y += height + 56

    def _balance(self, face: Face) -> None:
        self._text(face.title, 44, self.look.label)
        size = _size_that_fits(face.balance, 168, _WIDTH - 2 * _EDGE - 320)
        font = _font(size, bold=True)
        self.pen.text((_EDGE, self.y), face.balance, self.look.foreground, font)
        width = self.pen.textlength(face.balance, font)
        self.pen.text((_EDGE + width + 28, self.y + size), face.unit, self.look.foreground, _font(56), anchor="ls")
        self.y += round(size * _LINE) + 8
        if face.ended:
            self._text(face.ended, 52, self.look.foreground, bold=True)
        elif face.way:
            self._bar(face.way.reached / face.way.needed)
            self._text(face.way.sentence, 40, self.look.foreground)

    def _bar(self, share: float) -> None:
        left, right, height = _EDGE, _WIDTH - _EDGE, 22
        self.pen.rounded_rectangle((left, self.y, right, self.y + height), 11, outline=self.look.foreground, width=3)
        filled = left + max(height, round((right - left) * share))
        self.pen.rounded_rectangle((left, self.y, filled, self.y + height), 11, fill=self.look.foreground)
        self.y += height + 28

    def _owner(self, face: Face) -> None:
        if face.name:
            self.y += 24
            self._text(face.name, 48, self.look.foreground, bold=True)
        self.y += 32

    def _code(self, face: Face, code: str) -> None:
        """An ended card shows no code: a picture of it must not look usable."""
        if face.ended:
            self._text(face.number, 60, self.look.foreground, bold=True)
            return
        squares = modules(code)
        scale = 660 // (len(squares) + 2 * QUIET_ZONE)
        side = scale * (len(squares) + 2 * QUIET_ZONE)
        left, tile = (_WIDTH - side) // 2, side + 116
        self.pen.rounded_rectangle((left, self.y, left + side, self.y + tile), 40, fill="white")
        code_image = Image.new("1", (len(squares),) * 2)
        code_image.putdata([0 if dark else 1 for row in squares for dark in row])
        code_image = code_image.resize((len(squares) * scale,) * 2, Image.Resampling.NEAREST)
        self.image.paste(code_image, (left + QUIET_ZONE * scale, self.y + QUIET_ZONE * scale))
        size = _size_that_fits(face.number, 60, side - 80)
        self.pen.text((_WIDTH // 2, self.y + side - 16), face.number, "black", _font(size, bold=True), anchor="mt")
        self.y += tile

    def _text(self, text: str, size: int, colour: Colour, bold: bool = False) -> None:
        """Words within the edges, in at most three lines."""
        font = _font(size, bold)
        for line in _lines(text, font, _WIDTH - 2 * _EDGE)[:3]:
            self.pen.text((_EDGE, self.y), line, colour, font)
            self.y += round(size * _LINE)
        self.y += size // 4

    def _right(self, text: str, y: int, size: int, colour: Colour) -> None:
        font = _font(_size_that_fits(text, size, _WIDTH // 2 - 2 * _EDGE, least=24), bold=True)
        self.pen.text((_WIDTH - _EDGE, y), text, colour, font, anchor="ra")

    def _rounded(self, card: Image.Image) -> Image.Image:
        shape = Image.new("L", card.size, 0)
        ImageDraw.Draw(shape).rounded_rectangle((0, 0, card.width - 1, card.height - 1), _CORNER, fill=255)
        card.putalpha(shape)
        return card


def _lines(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The words broken into lines; a word that is too long alone is broken itself."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined) <= width:
            lines[-1] = joined
            continue
        lines += [""] if lines[-1] else []
        for letter in word:
            if font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def _size_that_fits(text: str, size: int, width: int, least: int = 40) -> int:
    while size > least and _font(size, bold=True).getlength(text) > width:
        size -= 4
    return size


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_FONTS / f"Inter-{'SemiBold' if bold else 'Regular'}.ttf", size)


def _opened(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png), formats=("PNG",))


def _png(image: Image.Image) -> bytes:
    written = BytesIO()
    image.save(written, "PNG", compress_level=6)
    return written.getvalue()
