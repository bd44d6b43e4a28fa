"""Colours that people can read on each other: pure arithmetic after WCAG 2.2."""

from __future__ import annotations

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255 each."""
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3 (AA)


def luminance(colour: Colour) -> float:
    """WCAG 2.2, relative luminance."""
    red, green, blue = (c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """WCAG 2.2, contrast ratio: 1 (the same) to 21 (black and white)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: Colour, background: Colour) -> Colour:
    """The colour, moved towards white or black only as far as it needs to be read on `background`."""
    ends = sorted((WHITE, BLACK), key=lambda end: -contrast(end, background))
    steps = [_mixed(colour, ends[0], share / 40) for share in range(41)]
    return next(step for step in steps if contrast(step, background) >= LEAST_CONTRAST)


def written(colour: Colour) -> str:
    """As in CSS: # and six digits."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _mixed(colour: Colour, end: Colour, share: float) -> Colour:
    red, green, blue = (round(c + (e - c) * share) for c, e in zip(colour, end, strict=True))
    return red, green, blue
