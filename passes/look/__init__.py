"""How a programme's card is drawn: colours, pictures, words per language, read from one folder.

A `Look` is a value, checked whole before any card uses it: colours that people can read on each other
(measured, also over the strip's own pixels), pictures in every size, words complete in every language.
What is wrong is said in a sentence that names the file, the key, what was expected and what to do.
The digest is of the folder's content, never of its dates, so a copied folder gives the same cards.

Apple's and Google's words do not occur here; each wallet maps roles ("strip@2x") to its own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import ConfigError
from ..words import Entries
from . import artwork, files, pictures, stampcard
from .colours import BLACK, LEAST_CONTRAST, WHITE, Colour, contrast, luminance, written
from .description import Description
from .wording import COMMON_WORDS, words_of

# Where a phone writes the big balance over the strip, in shares of its width and height.
_STRIP_TEXT = (0.03, 0.12, 0.5, 0.9)


@dataclass(frozen=True)
class Look:
    """How a card is drawn. `words` are per language: a key's words, or its CLDR plural forms."""

    name: str
    digest: str
    title: str
    background: Colour
    foreground: Colour
    label: Colour
    strip_foreground: Colour
    style: str
    images: Mapping[str, bytes]
    words: Mapping[str, Entries]
    # Where a wallet can, a card of this tier is of this colour.
    tier_colours: Mapping[str, Colour] = field(default_factory=dict)


def load(folder: Path, cache: Path | None = None) -> Look:
    """The look in `folder`; with a `cache` folder, its pictures are prepared only when something changed."""
    own = files.read(folder)
    common = files.read(folder.parent / COMMON_WORDS) if (folder.parent / COMMON_WORDS).is_dir() else {}
    described = Description(f"{folder.name}/look.toml", files.toml(folder, "look.toml", own))
    colours = described.colours()
    style, named = described.style(), described.pictures()
    digest = files.digest(own, common)
    cached = pictures.kept(cache, digest)
    images = cached or _prepared(folder.name, own, named, colours)
    look = Look(
        name=folder.name,
        digest=digest,
        title=described.title(),
        style=style,
        images=MappingProxyType(images),
        words=words_of(folder, own, common),
        tier_colours=MappingProxyType(described.tier_colours()),
        **colours,
    )
    if not cached:
        _check_strip(look)
        # Only now: what is kept was examined, so the next start need not look at every pixel again.
        pictures.keep(cache, digest, images)
    return look


def gallery(folder: Path, cache: Path | None = None) -> dict[str, Look]:
    """All looks under `folder`, by name."""
    return {name: load(folder / name, cache) for name in names(folder)}


def names(folder: Path) -> list[str]:
    """What the looks under `folder` are called; none is opened."""
    return sorted(path.parent.name for path in folder.glob("*/look.toml"))


def _check_strip(look: Look) -> None:
    """The balance stands over the strip: nearly every pixel under it must carry its colour."""
    strip = look.images.get("strip@1x")
    if strip is None:
        return
    counted = artwork.colours_of(strip, _STRIP_TEXT)
    ratio = _worst(counted, look.strip_foreground)
    if ratio >= LEAST_CONTRAST:
        return
    raise ConfigError(
        f"{look.name}/look.toml: colours.strip_foreground {written(look.strip_foreground)} has a contrast of "
        f"only {ratio:.1f}:1 on the left half of the strip picture, where the balance is written; "
        f"at least {LEAST_CONTRAST}:1 is needed: {_strip_advice(look, counted)}.",
        field="colours.strip_foreground",
    )


def _strip_advice(look: Look, counted: list[tuple[int, Colour]]) -> str:
    end = max((WHITE, BLACK), key=lambda end: _worst(counted, end))
    ratio = _worst(counted, end)
    if ratio >= LEAST_CONTRAST:
        return f'try "{written(end)}" ({ratio:.1f}:1)'
    wanted = "darker" if luminance(look.strip_foreground) > 0.4 else "lighter"
    return f"make that half of the picture {wanted} and calmer"


def _worst(counted: list[tuple[int, Colour]], colour: Colour) -> float:
    """The contrast that all but one pixel in fifty reach."""
    ratios = sorted((contrast(pixel, colour), count) for count, pixel in counted)
    spare = sum(count for _, count in ratios) // 50
    for ratio, count in ratios:
        spare -= count
        if spare < 0:
            return ratio
    return 1.0


def _prepared(
    look: str, files: Mapping[str, bytes], named: Mapping[str, Any], colours: Mapping[str, Colour]
) -> dict[str, bytes]:
    images: dict[str, bytes] = {}
    for role, file in named.items():
        source = files.get(file) if isinstance(file, str) and "/" not in file else None
        if source is None:
            raise ConfigError(
                f"{look}/look.toml: images.{role} is {str(file)[:60]!r}, and there is no such file in the "
                f"folder {look}; write the name of a picture that lies there, without any path.",
                field=f"images.{role}",
            )
        images |= artwork.prepare(role, source, colours["background"], f"{look}/{file}")
    stamps = stampcard.sprites(images.get("stamp"), colours["foreground"], colours["background"], colours["label"])
    return images | stamps | {"logo": images["logo@3x"]}
