"""Draws the pictures of the looks shipped here: `python templates/cards/draw.py [look ...]`.

Everything is made of the curves and gradients below, so a colour or a shape is changed in code and every
picture follows. Scenes are painted three times larger and shrunk, which smooths every edge. The left half
stays calm, because phones write the balance there.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter

HERE = Path(__file__).parent
STRIP, HERO, ICON, SIGN = (1125, 432), (1032, 336), (342, 342), (300, 300)
FINE = 3

Size = tuple[int, int]
Point = tuple[float, float]
Stops = Sequence[tuple[float, str]]


# Colours, gradients, curves


def rgb(code: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(code.removeprefix("#"))
    return red, green, blue


def ramp(grey: Image.Image, stops: Stops) -> Image.Image:
    """A grey picture recoloured: each stop says which colour a share of white becomes."""
    places = [(share * 255, rgb(code)) for share, code in stops]
    channels = []
    for channel in range(3):
        table = []
        for level in range(256):
            left = max((p for p in places if p[0] <= level), default=places[0], key=lambda p: p[0])
            right = min((p for p in places if p[0] >= level), default=places[-1], key=lambda p: p[0])
            share = (level - left[0]) / ((right[0] - left[0]) or 1)
            table.append(round(left[1][channel] + share * (right[1][channel] - left[1][channel])))
        channels.append(grey.point(table))
    return Image.merge("RGB", channels)


def across(size: Size, stops: Stops) -> Image.Image:
    """A gradient from left to right."""
    return ramp(Image.linear_gradient("L").rotate(90).resize(size, Image.Resampling.BICUBIC), stops)


def around(size: Size, centre: Point, radius: float, stops: Stops) -> Image.Image:
    """A gradient from a centre outwards."""
    # Pillow's own reaches white only in the corners of its square.
    disc = Image.radial_gradient("L").point([min(255, round(level * math.sqrt(2))) for level in range(256)])
    disc = disc.resize((round(2 * radius),) * 2, Image.Resampling.BICUBIC)
    grey = Image.new("L", size, 255)
    grey.paste(disc, (round(centre[0] - radius), round(centre[1] - radius)))
    return ramp(grey, stops)


def curve(start: Point, pull: Point, push: Point, end: Point, steps: int = 60) -> list[Point]:
    """A cubic Bezier curve as points."""
    points = []
    for step in range(steps + 1):
        t = step / steps
        shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        corners = tuple(zip(shares, (start, pull, push, end), strict=True))
        points.append((sum(s * p[0] for s, p in corners), sum(s * p[1] for s, p in corners)))
    return points


def moved(points: Iterable[Point], to: Point, size: float = 1, turn: float = 0) -> list[Point]:
    """Points enlarged, turned clockwise by degrees and shifted."""
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return [(to[0] + size * (x * cos - y * sin), to[1] + size * (x * sin + y * cos)) for x, y in points]


def shifted(points: Iterable[Point], right: float, down: float) -> list[Point]:
    return [(x + right, y + down) for x, y in points]


def box(centre: Point, radius: float) -> tuple[float, float, float, float]:
    return centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius


def stroke(draw: ImageDraw.ImageDraw, points: Sequence[Point], width: float, fill: int = 255) -> None:
    """A line with round ends and round bends."""
    draw.line(points, fill=fill, width=round(width))
    for point in points:
        draw.ellipse(box(point, width / 2), fill=fill)


class Canvas:
    """A picture that shapes are laid on. `unit` is a hundredth of its height; a colour may be a gradient."""

    def __init__(self, ground: Image.Image) -> None:
        self.picture = ground
        self.size = ground.size
        self.unit = ground.height / 100

    def lay(self, colour: str | Image.Image, where: Image.Image, strength: float = 1) -> None:
        over = Image.new("RGB", self.size, rgb(colour)) if isinstance(colour, str) else colour
        self.picture.paste(over, (0, 0), where.point([round(level * strength) for level in range(256)]))

    def disc_mask(self, at: Point, radius: float, blur: float = 0) -> Image.Image:
        mask = Image.new("L", self.size, 0)
        ImageDraw.Draw(mask).ellipse(box(at, radius), fill=255)
        return _soft(mask, blur)

    def shape_mask(self, points: Sequence[Point], blur: float = 0) -> Image.Image:
        mask = Image.new("L", self.size, 0)
        ImageDraw.Draw(mask).polygon(points, fill=255)
        return _soft(mask, blur)

    def line_mask(self, points: Sequence[Point], width: float, blur: float = 0) -> Image.Image:
        mask = Image.new("L", self.size, 0)
        stroke(ImageDraw.Draw(mask), points, width)
        return _soft(mask, blur)

    def disc(self, colour: str | Image.Image, at: Point, radius: float, blur: float = 0, strength: float = 1) -> None:
        self.lay(colour, self.disc_mask(at, radius, blur), strength)

    def ring(
        self,
        colour: str | Image.Image,
        at: Point,
        radius: float,
        width: float,
        blur: float = 0,
        strength: float = 1,
    ) -> None:
        mask = Image.new("L", self.size, 0)
        ImageDraw.Draw(mask).ellipse(box(at, radius), outline=255, width=round(width))
        self.lay(colour, _soft(mask, blur), strength)

    def shape(self, colour: str | Image.Image, points: Sequence[Point], blur: float = 0, strength: float = 1) -> None:
        self.lay(colour, self.shape_mask(points, blur), strength)

    def rounded(self, colour: str | Image.Image, points: Sequence[Point], soft: float) -> None:
        """A shape with round corners: blurred, then cut sharp again."""
        blurred = self.shape_mask(points, soft)
        self.lay(colour, blurred.point([min(255, max(0, (level - 118) * 14)) for level in range(256)]))

    def line(
        self,
        colour: str | Image.Image,
        points: Sequence[Point],
        width: float,
        blur: float = 0,
        strength: float = 1,
    ) -> None:
        self.lay(colour, self.line_mask(points, width, blur), strength)


def _soft(mask: Image.Image, blur: float) -> Image.Image:
    return mask.filter(ImageFilter.GaussianBlur(blur)) if blur else mask


# Café: a latte seen from above, in a warm light

WOOD = ((0, "#97602f"), (0.25, "#774626"), (0.48, "#472716"), (0.7, "#2a160d"), (1, "#2a160d"))
PORCELAIN = ((0, "#fffaf2"), (0.45, "#f0e2cf"), (1, "#b99c7e"))
BOWL = ((0, "#ffffff"), (0.6, "#f7ecdd"), (1, "#d4bb9f"))
CREMA = ((0, "#c98a4e"), (0.45, "#b3713a"), (0.85, "#8a4f25"), (1, "#5c2f14"))
ROAST = ((0, "#8f5730"), (0.5, "#5d3218"), (1, "#341809"))
# Right, down, size, turn.
BEANS = ((-58, 36, 6.2, 25), (-47, 46, 5.2, -50), (55, -38, 6.4, -25), (63, -24, 5.2, 60), (57, 36, 6, 15))


def cafe(size: Size) -> Image.Image:
    width, height = size
    middle = (width - 0.67 * height, 0.52 * height)
    canvas = Canvas(around(size, (middle[0] + 0.2 * height, 0.3 * height), 2.3 * height, WOOD))
    unit = canvas.unit
    saucer(canvas, middle)
    handle(canvas, middle)
    lit = (middle[0] - 25 * unit, middle[1] - 32 * unit)
    canvas.disc(around(size, lit, 68 * unit, BOWL), middle, 36 * unit)
    canvas.disc("#b59676", middle, 33.2 * unit, blur=0.5 * unit)
    latte(canvas, middle, 31.5 * unit)
    for right, down, large, turn in BEANS:
        bean(canvas, (middle[0] + right * unit, middle[1] + down * unit), large * unit, turn)
    return canvas.picture


def porcelain(canvas: Canvas, middle: Point) -> Image.Image:
    lit = (middle[0] - 25 * canvas.unit, middle[1] - 32 * canvas.unit)
    return around(canvas.size, lit, 130 * canvas.unit, PORCELAIN)


def saucer(canvas: Canvas, middle: Point) -> None:
    unit = canvas.unit
    canvas.disc("#0d0502", (middle[0] + 4 * unit, middle[1] + 7 * unit), 54 * unit, 5 * unit, 0.8)
    canvas.disc(porcelain(canvas, middle), middle, 54 * unit)
    canvas.ring("#a98a6b", middle, 43 * unit, 1.1 * unit, 0.7 * unit, 0.45)
    canvas.ring("#ffffff", middle, 53.2 * unit, 0.9 * unit, 0.3 * unit, 0.55)
    canvas.disc("#3a2112", (middle[0] + 3 * unit, middle[1] + 5 * unit), 36 * unit, 4 * unit, 0.55)


def handle(canvas: Canvas, middle: Point) -> None:
    """A rounded bar that leaves the cup to the lower right."""
    unit = canvas.unit
    bar = moved([(30, 0), (52, 0)], middle, unit, 38)
    canvas.line("#3a2112", shifted(bar, 1.5 * unit, 3 * unit), 9 * unit, 2 * unit, 0.6)
    canvas.line(porcelain(canvas, middle), bar, 9 * unit)
    canvas.line("#ffffff", moved([(32, 0), (50.5, 0)], middle, unit, 38), 2.4 * unit, 1.2 * unit, 0.8)


def latte(canvas: Canvas, middle: Point, radius: float) -> None:
    """Coffee with nested hearts of milk, in the shadow of the cup's upper rim."""
    unit, turn = canvas.unit, -24
    coffee = around(canvas.size, middle, 1.02 * radius, CREMA)
    surface = canvas.disc_mask(middle, radius)
    canvas.lay(coffee, surface)
    for along, large in ((0.08, 0.80), (0.0, 0.64), (-0.08, 0.47), (-0.16, 0.29)):
        at = moved([(0, along * radius)], middle, 1, turn)[0]
        canvas.shape(coffee, heart(at, large * radius + 1.5 * unit, turn), 0.4 * unit)
        canvas.shape("#fff1dc", heart(at, large * radius, turn), 0.35 * unit)
    lit = canvas.disc_mask((middle[0] + 2 * unit, middle[1] + 2.6 * unit), radius, 2.4 * unit)
    canvas.lay("#2a1206", ImageChops.subtract(surface, lit), 0.75)


def heart(to: Point, size: float, turn: float) -> list[Point]:
    tip_to_side = curve((0, 1), (0.55, 0.62), (1.05, 0.2), (1.0, -0.28))
    right = tip_to_side + curve((1.0, -0.28), (0.94, -0.82), (0.2, -0.9), (0, -0.42))
    return moved(right + [(-x, y) for x, y in reversed(right)], to, size, turn)


def bean(canvas: Canvas, at: Point, size: float, turn: float) -> None:
    """A roasted bean with its shadow."""
    angles = [step / 30 * math.pi for step in range(60)]
    oval = moved([(math.cos(a), 0.68 * math.sin(a)) for a in angles], at, size, turn)
    canvas.shape("#120804", shifted(oval, 0.16 * size, 0.3 * size), 0.22 * size, 0.75)
    body = canvas.shape_mask(oval)
    lit = (at[0] - 0.35 * size, at[1] - 0.4 * size)
    canvas.lay(around(canvas.size, lit, 1.7 * size, ROAST), body)
    seam = moved(curve((-0.96, 0.06), (-0.3, -0.42), (0.3, 0.42), (0.96, -0.06)), at, size, turn)
    canvas.lay("#1f0d05", ImageChops.multiply(canvas.line_mask(seam, 0.15 * size, 0.02 * size), body))
    shine = moved(curve((-0.6, -0.38), (-0.3, -0.55), (0.1, -0.56), (0.4, -0.44)), at, size, turn)
    canvas.line("#e0ae7c", shine, 0.08 * size, 0.09 * size, 0.5)


def cup_sign(draw: ImageDraw.ImageDraw, unit: float) -> None:
    bowl = curve((14, 42), (14, 70), (24, 82), (42, 82)) + curve((42, 82), (60, 82), (70, 70), (70, 42))
    draw.polygon(moved(bowl, (0, 0), unit), fill=255)
    draw.rounded_rectangle((10 * unit, 38 * unit, 74 * unit, 46 * unit), 4 * unit, fill=255)
    draw.arc(box((70 * unit, 56 * unit), 15 * unit), -95, 110, fill=255, width=round(6.5 * unit))
    draw.rounded_rectangle((12 * unit, 87 * unit, 80 * unit, 94 * unit), 3.5 * unit, fill=255)
    for x in (30, 42, 54):
        stroke(draw, moved(curve((x, 31), (x - 7, 24), (x + 7, 17), (x, 8)), (0, 0), unit), 5 * unit)


# Shop: a bag among bright shapes

INK, COBALT, CORAL, SUN, MINT = "#16229a", "#2238c8", "#ff6b5e", "#ffc53d", "#2fd6b0"
# Right, down, turn, colour.
CONFETTI = ((-18, -42, 35, SUN), (36, -36, -30, SUN), (-56, -8, 70, CORAL), (57, -14, 15, "#ffffff"))


def shop(size: Size) -> Image.Image:
    width, height = size
    canvas = Canvas(across(size, [(0, "#1b2fb4"), (0.4, "#1b2fb4"), (1, "#3350ea")]))
    middle, unit = (width - 0.66 * height, 0.54 * height), canvas.unit

    def at(right: float, down: float) -> Point:
        return middle[0] + right * unit, middle[1] + down * unit

    canvas.disc("#3551ea", at(0, -4), 72 * unit)
    canvas.disc("#5572ff", at(0, -4), 54 * unit)
    canvas.disc(CORAL, at(42, 24), 29 * unit)
    canvas.disc(MINT, at(60, -64), 40 * unit)
    canvas.disc(MINT, at(-42, -32), 8 * unit)
    canvas.ring("#ffffff", at(-45, 34), 9 * unit, 3.4 * unit, strength=0.95)
    carrier(canvas, at(2, 2))
    tag(canvas, at(-34, 0))
    for right, down, turn, colour in CONFETTI:
        canvas.line(colour, moved([(-3.4, 0), (3.4, 0)], at(right, down), unit, turn), 2.4 * unit)
    return canvas.picture


def carrier(canvas: Canvas, at: Point) -> None:
    """A paper bag, slightly turned, with cord handles and a smile."""
    unit, size, tilt = canvas.unit, 0.94 * canvas.unit, 6
    front = moved([(-27, -24), (20, -24), (23, 44), (-30, 44)], at, size, tilt)
    side = moved([(20, -24), (32, -27), (35, 39), (23, 44)], at, size, tilt)
    below = moved([(-28, 38), (33, 36), (36, 43), (-20, 48)], at, size, tilt)
    canvas.shape("#0c1560", below, 3.4 * unit, 0.7)
    canvas.line("#b9c4ff", moved(cord(3, -25), at, size, tilt), 2.6 * unit)
    canvas.rounded("#cdd5f7", side, 1.2 * unit)
    canvas.rounded(across(canvas.size, [(0, "#ffffff"), (0.66, "#ffffff"), (0.9, "#e2e7ff")]), front, 1.2 * unit)
    canvas.line("#aab6ee", moved([(20.6, -23), (23.4, 43)], at, size, tilt), 0.7 * unit, 0.4 * unit, 0.8)
    canvas.line(INK, moved(cord(-4, -17), at, size, tilt), 3 * unit)
    for eyelet in moved([(-16, -17), (9, -17)], at, size, tilt):
        canvas.disc(INK, eyelet, 2.5 * unit)
    smile = moved(curve((-18, 9), (-11, 22), (4, 22), (11, 9)), at, size, tilt)
    canvas.line(CORAL, smile, 4.6 * unit)


def cord(x: float, y: float) -> list[Point]:
    return curve((x - 12, y), (x - 12, y - 27), (x + 13, y - 27), (x + 13, y))


def tag(canvas: Canvas, at: Point) -> None:
    """A price tag with a star."""
    unit, size, tilt = canvas.unit, 1.12 * canvas.unit, -20
    paper = moved([(-9, -13), (0, -21), (9, -13), (9, 16), (-9, 16)], at, size, tilt)
    canvas.shape("#0c1560", shifted(paper, 1.4 * unit, 2.6 * unit), 1.8 * unit, 0.45)
    canvas.rounded(SUN, paper, 1.3 * unit)
    canvas.disc(COBALT, moved([(0, -12.5)], at, size, tilt)[0], 2.1 * unit)
    canvas.shape("#ffffff", moved(star(), at, size, tilt))


def star() -> list[Point]:
    reach = (6.6, 3.0) * 5
    turns = [step * math.pi / 5 for step in range(10)]
    return [(r * math.sin(a), 3.5 - r * math.cos(a)) for r, a in zip(reach, turns, strict=True)]


def bag_sign(draw: ImageDraw.ImageDraw, unit: float) -> None:
    body = moved([(18, 34), (82, 34), (89, 94), (11, 94)], (0, 0), unit)
    draw.polygon(body, fill=255)
    stroke(draw, [*body, *body[:2]], 5 * unit)
    loop = [(x, y) for x, y in curve((31, 46), (31, -4), (69, -4), (69, 46)) if y < 33]
    stroke(draw, moved(loop, (0, 0), unit), 7 * unit)
    stroke(draw, moved(curve((30, 54), (36, 80), (64, 80), (70, 54)), (0, 0), unit), 8 * unit, fill=0)


# Salon: strands like silk, a twig in a thin golden ring

PLUM, PETAL = "#5b2b41", "#fdf1ea"
SILK = ((0, "#f3d3ca"), (0.55, "#eec3b8"), (0.8, "#cd8783"), (1, "#a85c66"))
GOLD = ((0, "#b98a2e"), (0.7, "#b07f1f"), (0.8, "#e2bd5c"), (1, "#a8761c"))
# Place on the stem, length, turn.
LEAVES = (
    (0.2, 16, -150),
    (0.3, 18, -22),
    (0.46, 17, -140),
    (0.54, 17, -28),
    (0.7, 14, -132),
    (0.78, 13.5, -36),
    (1.0, 11, -72),
)


def salon(size: Size) -> Image.Image:
    width, height = size
    canvas = Canvas(Image.new("RGB", size, rgb("#fbeee9")))
    unit = canvas.unit
    lines = strands(size, unit)
    canvas.shape(across(size, SILK), [*lines[0], *reversed(lines[-1])], 2 * unit, 0.75)
    chance = random.Random(7)
    for number, line in enumerate(lines):
        wave = 0.5 + 0.5 * math.cos(5 * math.pi * number / (len(lines) - 1))
        colour = "#fff3ea" if wave > 0.6 else ("#9c4f5c" if wave < 0.25 else "#d79a86")
        canvas.line(colour, line, 0.9 * unit, strength=0.3 + 0.35 * chance.random())
    twig(canvas, (width - 0.62 * height, 0.48 * height))
    return canvas.picture


def strands(size: Size, unit: float) -> list[list[Point]]:
    """Curves between two guiding curves, close together where they turn."""
    left, right = size[0] / unit - 168, size[0] / unit
    upper = [(left + 4, 112), (left + 62, 92), (left + 68, 8), (right + 6, -18)]
    lower = [(left + 70, 118), (left + 84, 58), (left + 128, 96), (right + 8, 44)]
    lines = []
    for share in (step / 43 for step in range(44)):
        pairs = zip(upper, lower, strict=True)
        start, pull, push, end = ((a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in pairs)
        lines.append(moved(curve(start, pull, push, end), (0, 0), unit))
    return lines


def between(one: Point, other: Point, share: float) -> Point:
    return one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share


def twig(canvas: Canvas, middle: Point) -> None:
    unit = canvas.unit
    gold = across(canvas.size, GOLD)
    canvas.disc(PETAL, middle, 33 * unit, strength=0.9)
    canvas.ring(gold, middle, 33 * unit, 1.4 * unit)
    canvas.ring(gold, middle, 30 * unit, 0.5 * unit)
    stem = moved(curve((-9, 25), (-6, 8), (2, -4), (6, -15)), middle, unit)
    for share, length, turn in LEAVES:
        at = stem[round(share * 60)]
        canvas.shape(PLUM, moved(petal(0.36), at, length * unit, turn), strength=0.92)
        vein = moved([(0.08, 0), (0.9, 0)], at, length * unit, turn)
        canvas.line(PETAL, vein, 0.4 * unit, strength=0.6)
    canvas.line(PLUM, stem, 0.9 * unit)


def petal(belly: float) -> list[Point]:
    """A pointed oval of length 1, lying to the right."""
    side = curve((0, 0), (0.26, -1.2 * belly), (0.68, -0.8 * belly), (1, 0))
    return side + [(x, -y) for x, y in reversed(side)]


def blossom_sign(draw: ImageDraw.ImageDraw, unit: float) -> None:
    """Five petals seen from the side, the middle one in front."""
    root = (50 * unit, 78 * unit)
    for turn, length in ((-164, 50), (-16, 50), (-129, 60), (-51, 60), (-90, 68)):
        draw.polygon(moved(petal(0.33), root, (length + 4) * unit, turn), fill=0)
        draw.polygon(moved(petal(0.33), root, length * unit, turn), fill=255)
    stroke(draw, [(28 * unit, 91 * unit), (72 * unit, 91 * unit)], 4.4 * unit)


def scissors_sign(draw: ImageDraw.ImageDraw, unit: float) -> None:
    """Half open, points up; the stroke round the second blade parts it from the first."""
    for mirrored in (-1, 1):
        outline = [(-3.4, 20), (-4.4, -44), (-1, -52), (4.4, -40), (4.4, 20)]
        blade = moved(outline, (50 * unit, 50 * unit), unit, 21 * mirrored)
        draw.polygon(moved(blade, (0, 0)), fill=255)
        eye = moved([(0, 31)], (50 * unit, 50 * unit), unit, 34 * mirrored)[0]
        draw.ellipse(box(eye, 14 * unit), outline=255, width=round(6.5 * unit))
    draw.ellipse(box((50 * unit, 50 * unit), 2.6 * unit), fill=0)


# The pictures


class Drawing(NamedTuple):
    """What a look is drawn with: a scene, a sign, its colours as logo and as icon, the icon's ground, a stamp."""

    scene: Callable[[Size], Image.Image]
    sign: Callable[[ImageDraw.ImageDraw, float], None]
    logo: str
    icon: str
    ground: Stops
    stamp: tuple[Callable[[ImageDraw.ImageDraw, float], None], str]


DRAWINGS = {
    "cafe": Drawing(cafe, cup_sign, "#fff1dc", "#fff4e3", ((0, "#a0622f"), (1, "#3d2014")), (cup_sign, "#6b3517")),
    "shop": Drawing(shop, bag_sign, "#ffffff", "#ffffff", ((0, "#4a69ff"), (1, "#1b2fb4")), (bag_sign, "#2238c8")),
    "salon": Drawing(
        salon, blossom_sign, "#7a3350", "#fff4e3", ((0, "#b5617a"), (1, PLUM)), (scissors_sign, "#fbeee9")
    ),
}


def pictures(drawing: Drawing) -> dict[str, Image.Image]:
    return {
        "strip": painted(drawing.scene, STRIP),
        "hero": painted(drawing.scene, HERO),
        "logo": signed(drawing.sign, drawing.logo),
        "icon": badge(drawing),
        "stamp": signed(*drawing.stamp),
    }


def painted(scene: Callable[[Size], Image.Image], size: Size) -> Image.Image:
    return scene((size[0] * FINE, size[1] * FINE)).resize(size, Image.Resampling.LANCZOS)


def signed(sign: Callable[[ImageDraw.ImageDraw, float], None], colour: str) -> Image.Image:
    """A sign of one colour on nothing. Signs are drawn on a field of 100 by 100."""
    mask = Image.new("L", (SIGN[0] * FINE, SIGN[1] * FINE), 0)
    sign(ImageDraw.Draw(mask), mask.height / 100)
    drawn = Image.new("RGBA", SIGN, (*rgb(colour), 0))
    drawn.putalpha(mask.resize(SIGN, Image.Resampling.LANCZOS))
    return drawn


def badge(drawing: Drawing) -> Image.Image:
    ground = around(ICON, (0.32 * ICON[0], 0.18 * ICON[1]), 1.25 * ICON[0], drawing.ground).convert("RGBA")
    inner = round(0.74 * ICON[0])
    sign = signed(drawing.sign, drawing.icon).resize((inner, inner), Image.Resampling.LANCZOS)
    ground.alpha_composite(sign, ((ICON[0] - inner) // 2,) * 2)
    return ground.convert("RGB")


def keep(picture: Image.Image, path: Path) -> None:
    """As a PNG of 256 colours, undithered: grain would make every size made of it heavy."""
    if picture.mode == "RGB":
        picture = picture.quantize(256, Image.Quantize.MEDIANCUT, kmeans=1)
    picture.save(path, optimize=True)
    print(f"{path.relative_to(HERE)}  {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    for look in sys.argv[1:] or DRAWINGS:
        for role, picture in pictures(DRAWINGS[look]).items():
            keep(picture, HERE / look / f"{role}.png")
