"""Draws a stamp card: so many stamps of so many, as one wide picture in the colours of its look.

Two pictures are made with the look itself: a stamp, and the place of one that is still to come. A stamp card is
these, laid out in as few rows as leave them large, with a star where a prize waits. So all cards of a look that
are equally full share one picture, and `StampCards` draws each of them once: kept in memory, and in the folder
where looks keep theirs. Nothing of a member is in it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageDraw

from . import pictures
from .artwork import ROLES
from .colours import Colour

if TYPE_CHECKING:
    from ..card import Stamps
    from . import Look

SIDE = 240
"""Pixels of a stamp: more than it has on any picture, so that it is only ever shrunk."""

MOST_KEPT = 256
# Counts in the digest: raise it when the same stamps come out different.
_MADE_AS = b"stamp card 1"
_FINE = 3
_SMOOTH = Image.Resampling.LANCZOS
# In shares of a place: the stamp's picture on its disc, the room between places, a prize's star.
_PICTURE, _GAP, _STAR = 0.62, 0.16, 0.36
# Of the picture: what stays free at the sides, above and below, and the tallest a place may be.
_BESIDE, _ABOVE, _TALLEST = 0.045, 0.09, 0.62
_HERO = ROLES["hero"]
# A row more must make the places so much larger.
_WORTH_A_ROW = 1.12


class Places(NamedTuple):
    """What of a stamp card can be seen: equal ones look the same."""

    filled: int
    of: int
    prizes: tuple[int, ...]


def places(stamps: Stamps) -> Places:
    return Places(stamps.filled, stamps.of, tuple(prize.at for prize in stamps.prizes))


def digest(look_digest: str, places: Places) -> str:
    """Another one whenever the picture is."""
    made_of = (_MADE_AS, look_digest.encode(), repr(tuple(places)).encode())
    return blake2b(b"\n".join(made_of), digest_size=16).hexdigest()


class StampCards:
    """Every stamp card's picture, drawn once; with a folder they outlive the process. Threads may share it."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._drawn: dict[str, Mapping[str, bytes]] = {}
        self._lock = threading.Lock()

    def strip(self, look: Look, seen: Places) -> Mapping[str, bytes]:
        """In the three sizes of the look's own strip, under the same names."""
        return self._once(f"strip {digest(look.digest, seen)}", lambda: _strip(look, seen))

    def hero(self, look: Look, seen: Places) -> bytes:
        """In the size of the look's own hero."""
        drawn = self._once(f"hero {digest(look.digest, seen)}", lambda: {"hero": _png(sheet(look, seen, _HERO.best))})
        return drawn["hero"]

    def _once(self, key: str, draw: Callable[[], Mapping[str, bytes]]) -> Mapping[str, bytes]:
        if (drawn := self._drawn.get(key)) is not None:
            return drawn
        # One at a time: a crowd that asks for the same picture waits for it instead of drawing it, too.
        with self._lock:
            drawn = self._drawn.get(key) or pictures.kept(self._folder, _file(key))
            if drawn is None:
                drawn = draw()
                pictures.keep(self._folder, _file(key), drawn)
            if len(self._drawn) >= MOST_KEPT:
                self._drawn.clear()
            self._drawn[key] = drawn
        return drawn


def _file(key: str) -> str:
    return key.replace(" ", "-")


def _strip(look: Look, seen: Places) -> dict[str, bytes]:
    role = ROLES["strip"]
    whole = sheet(look, seen, role.best)
    drawn = {}
    for scale in role.scales:
        size = role.width * scale, role.height * scale
        drawn[f"strip@{scale}x"] = _png(whole.resize(size, _SMOOTH) if size != whole.size else whole)
    return drawn


def sheet(look: Look, seen: Places, size: tuple[int, int]) -> Image.Image:
    """The stamp card as a picture of this size."""
    corners, side = _laid_out(seen.of, size)
    stamp, empty = (_opened(look.images[name]).resize((side, side), _SMOOTH) for name in ("stamp", "stamp-empty"))
    star = _star(look, round(side * _STAR))
    drawn = Image.new("RGB", size, look.background)
    for number, (left, top) in enumerate(corners, 1):
        picture = stamp if number <= seen.filled else empty
        drawn.paste(picture, (left, top), picture)
        if number in seen.prizes:
            drawn.paste(star, (left + side - star.width + side // 20, top - side // 20), star)
    return drawn


def _laid_out(of: int, size: tuple[int, int]) -> tuple[list[tuple[int, int]], int]:
    """The corner of each place, and how wide they are. Rows of the same length, the last one maybe shorter."""
    width, height = size[0] * (1 - 2 * _BESIDE), size[1] * (1 - 2 * _ABOVE)

    def pitch(rows: int) -> float:
        tallest = _TALLEST * size[1] * (1 + _GAP)
        return min(width / math.ceil(of / rows), height / rows, tallest)

    rows = 1
    for more in range(2, of + 1):
        if pitch(more) >= pitch(rows) * _WORTH_A_ROW:
            rows = more
    step, in_a_row = pitch(rows), math.ceil(of / rows)
    rows = math.ceil(of / in_a_row)
    side = round(step / (1 + _GAP))
    left = (size[0] - (in_a_row - 1) * step - side) / 2
    top = (size[1] - (rows - 1) * step - side) / 2
    return [(round(left + n % in_a_row * step), round(top + n // in_a_row * step)) for n in range(of)], side


# Stamps


def sprites(picture: bytes | None, foreground: Colour, background: Colour, label: Colour) -> dict[str, bytes]:
    """A stamp and an empty place, square, on nothing. Without a picture of the look's own a stamp bears a tick."""
    side = SIDE * _FINE
    shape = _middle(_opened(picture), side) if picture else _tick(side, background)
    stamp = Image.new("RGBA", (side, side), (*foreground, 0))
    ImageDraw.Draw(stamp).ellipse((0, 0, side - 1, side - 1), fill=(*foreground, 255))
    stamp.alpha_composite(shape)
    empty = Image.new("RGBA", (side, side), (*label, 0))
    ghost = Image.new("RGBA", (side, side), (*label, 0))
    ghost.putalpha(shape.getchannel("A").point([level * 3 // 10 for level in range(256)]))
    empty.alpha_composite(ghost)
    line = side // 40
    ImageDraw.Draw(empty).ellipse((0, 0, side - 1, side - 1), outline=(*label, 255), width=line)
    return {"stamp": _png(_shrunk(stamp)), "stamp-empty": _png(_shrunk(empty))}


def _middle(picture: Image.Image, side: int) -> Image.Image:
    """The picture on nothing, inside the disc of this width."""
    room = round(side * _PICTURE)
    share = min(room / picture.width, room / picture.height)
    size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    laid = Image.new("RGBA", (side, side))
    laid.paste(picture.resize(size, _SMOOTH), ((side - size[0]) // 2, (side - size[1]) // 2))
    return laid


def _tick(side: int, colour: Colour) -> Image.Image:
    drawn = Image.new("RGBA", (side, side), (*colour, 0))
    pen, width = ImageDraw.Draw(drawn), side // 9
    bends = [(0.27 * side, 0.53 * side), (0.44 * side, 0.69 * side), (0.74 * side, 0.34 * side)]
    pen.line(bends, fill=(*colour, 255), width=width, joint="curve")
    for x, y in bends:
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=(*colour, 255))
    return drawn


def _star(look: Look, side: int) -> Image.Image:
    """A star on a small disc that stands out from stamps and ground alike."""
    large = side * _FINE
    drawn = Image.new("RGBA", (large, large), (*look.background, 0))
    pen, middle, edge = ImageDraw.Draw(drawn), large / 2, large // 14
    pen.ellipse((0, 0, large - 1, large - 1), fill=(*look.background, 255))
    pen.ellipse((edge, edge, large - 1 - edge, large - 1 - edge), fill=(*look.label, 255))
    reach = (0.33 * large, 0.14 * large) * 5
    points = [
        (middle + far * math.sin(step * math.pi / 5), middle - far * math.cos(step * math.pi / 5))
        for step, far in enumerate(reach)
    ]
    pen.polygon(points, fill=(*look.background, 255))
    return drawn.resize((side, side), _SMOOTH)


def _shrunk(picture: Image.Image) -> Image.Image:
    return picture.resize((SIDE, SIDE), _SMOOTH)


def _opened(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png), formats=("PNG",)).convert("RGBA")


def _png(picture: Image.Image) -> bytes:
    """Light: these pictures have few colours, and what lies between them is only smoothed edges."""
    written = BytesIO()
    few = picture.quantize(64, Image.Quantize.FASTOCTREE if picture.mode == "RGBA" else Image.Quantize.MEDIANCUT)
    few.save(written, "PNG", optimize=True)
    return written.getvalue()
