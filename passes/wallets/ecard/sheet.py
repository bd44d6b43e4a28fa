"""A look as a style sheet: its colours as custom properties, readable in light and in dark.

The colours on the card are the shop's own, already checked by the look. What the page borrows from them
(buttons, links) is moved only as far as it must be to be read on paper and on the dark page. Scoped to one
class, so that cards of several looks may lie on one page.
"""

from __future__ import annotations

from colorsys import hls_to_rgb, rgb_to_hls

from ...look import Look
from ...look.colours import LEAST_CONTRAST, Colour, contrast, luminance, readable, written

WHITE: Colour = (255, 255, 255)
# The darker of the two light grounds, and the lighter of the two dark ones, in base.css.
_PAPER: Colour = (245, 244, 240)
_NIGHT: Colour = (26, 28, 33)


def style_sheet(look: Look) -> str:
    """CSS for everything inside `.look-<name>`."""
    light = _page_colours(look, _PAPER)
    dark = _page_colours(look, _NIGHT)
    name = f".look-{look.name}"
    return (
        f"{name}{{{_declared(_card_colours(look) | light)}}}\n"
        f"@media (prefers-color-scheme:dark){{{name}{{{_declared(dark)}}}}}\n"
    )


def _card_colours(look: Look) -> dict[str, Colour]:
    track = _between(look.background, look.foreground, 22)
    return {"card": look.background, "card-ink": look.foreground, "card-soft": look.label, "card-track": track}


def _page_colours(look: Look, ground: Colour) -> dict[str, Colour]:
    tint = _tint(_liveliest(look), ground)
    accent = _darker_or_lighter(_liveliest(look), ground, tint)
    return {"accent": accent, "on-accent": _on(accent), "accent-tint": tint}


def _liveliest(look: Look) -> Colour:
    """The most colourful of the card's colours: a grey button says nothing of the shop."""
    return max((look.background, look.label, look.foreground), key=lambda colour: max(colour) - min(colour))


def _tint(colour: Colour, ground: Colour) -> Colour:
    """The colour's hue as a wash, nearly as light or as dark as the ground."""
    hue, _, saturation = rgb_to_hls(*(part / 255 for part in colour))
    return _from_hls(hue, 0.93 if ground == _PAPER else 0.17, min(saturation, 0.6))


def _darker_or_lighter(colour: Colour, *grounds: Colour) -> Colour:
    """The colour with its hue and strength kept, changed in lightness until it is read on every ground."""
    hue, lightness, saturation = rgb_to_hls(*(part / 255 for part in colour))
    end = 0.0 if luminance(grounds[0]) > 0.18 else 1.0
    steps = (_from_hls(hue, lightness + (end - lightness) * share / 40, saturation) for share in range(41))
    return next(step for step in steps if all(contrast(step, ground) >= LEAST_CONTRAST for ground in grounds))


def _from_hls(hue: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = (round(part * 255) for part in hls_to_rgb(hue, lightness, saturation))
    return red, green, blue


def _on(colour: Colour) -> Colour:
    return WHITE if contrast(WHITE, colour) >= LEAST_CONTRAST else readable(_between(colour, (0, 0, 0), 80), colour)


def _between(one: Colour, other: Colour, percent: int) -> Colour:
    red, green, blue = (a + (b - a) * percent // 100 for a, b in zip(one, other, strict=True))
    return red, green, blue


def _declared(colours: dict[str, Colour]) -> str:
    return "".join(f"--{name}:{written(colour)};" for name, colour in colours.items())
