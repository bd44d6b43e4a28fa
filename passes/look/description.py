"""look.toml, asked value by value: every answer is checked, and what is wrong is said with its key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ..errors import ConfigError
from . import artwork
from .colours import LEAST_CONTRAST, Colour, contrast, readable, written

STYLES: dict[str, tuple[str, ...]] = {
    "store": ("icon", "logo", "strip"),
    "coupon": ("icon", "logo", "strip"),
    "generic": ("icon", "logo", "thumbnail", "hero"),
}
"""The shapes of a card, each with the pictures it cannot do without."""


class Description:
    """A look.toml as it was read; `name` is how it is called where something is wrong."""

    _TOP = ("title", "style", "colours", "tiers", "images")
    _COLOURS = ("background", "foreground", "label", "strip_foreground")

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.name, self.values = name, values
        self._only(values, self._TOP, "")

    def title(self) -> str:
        title = self.values.get("title")
        if not isinstance(title, str) or not 1 <= len(title.strip()) <= 40:
            raise self._wrong("title", title, 'a name of 1 to 40 letters, such as title = "Café"')
        return title.strip()

    def style(self) -> str:
        style = self.values.get("style")
        if not isinstance(style, str) or style not in STYLES:
            raise self._wrong("style", style, "one of " + ", ".join(f'"{known}"' for known in STYLES))
        return style

    def colours(self) -> dict[str, Colour]:
        table = self._table("colours", self._COLOURS)
        table = {"strip_foreground": table.get("foreground"), **table}
        colours = {key: self._colour(f"colours.{key}", table.get(key)) for key in self._COLOURS}
        for key in ("foreground", "label"):
            self._check_contrast(key, colours[key], colours["background"])
        return colours

    def tier_colours(self) -> dict[str, Colour]:
        """Colours by the keys of tiers; none unless the look has some."""
        if "tiers" not in self.values:
            return {}
        table = self._table("tiers", tuple(self.values["tiers"]))
        return {key: self._colour(f"tiers.{key[:60]}", value) for key, value in table.items()}

    def pictures(self) -> dict[str, str]:
        """Role -> file; hero and emblem are made from strip and icon when the look has none of its own."""
        table = self._table("images", tuple(artwork.ROLES))
        needed = STYLES[self.style()]
        for role in needed:
            if role not in table:
                raise self._wrong(f"images.{role}", None, f'a picture in this folder, such as {role} = "{role}.png"')
        for role in table:
            if role not in (*needed, "hero", "emblem", "stamp"):
                raise ConfigError(
                    f'{self.name}: images.{role} is not shown on a card of style "{self.style()}"; '
                    "remove the line, or choose another style."
                )
        return {"hero": table.get("strip"), "emblem": table["icon"], **table}

    def _table(self, key: str, known: tuple[str, ...]) -> Mapping[str, Any]:
        table = self.values.get(key)
        if not isinstance(table, dict):
            raise self._wrong(key, table, f"a table that begins with the line [{key}]")
        self._only(table, known, f"{key}.")
        return table

    def _only(self, table: Mapping[str, Any], known: tuple[str, ...], prefix: str) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f'did you mean "{near[0]}"?' if near else "known are " + ", ".join(known) + "."
                raise ConfigError(f'{self.name}: there is no setting "{prefix}{key[:60]}"; {hint}', field=prefix + key)

    def _colour(self, key: str, value: object) -> Colour:
        if not isinstance(value, str) or not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
            raise self._wrong(key, value, 'a colour as # and six digits 0-9 a-f, such as "#3b2417"')
        red, green, blue = bytes.fromhex(value[1:])
        return red, green, blue

    def _check_contrast(self, key: str, colour: Colour, background: Colour) -> None:
        ratio = contrast(colour, background)
        if ratio < LEAST_CONTRAST:
            better = written(readable(colour, background))
            raise ConfigError(
                f"{self.name}: colours.{key} {written(colour)} has a contrast of only {ratio:.1f}:1 on the "
                f'background {written(background)}; at least {LEAST_CONTRAST}:1 is needed: try "{better}".',
                field=f"colours.{key}",
            )

    def _wrong(self, key: str, value: object, expected: str) -> ConfigError:
        found = "is missing" if value is None else f"is {str(value)[:60]!r}"
        return ConfigError(f"{self.name}: {key} {found}; expected is {expected}.", field=key)
