"""How a programme's card is drawn: colours, pictures, words per language, read from one folder.

A `Look` is a value, checked whole before any card uses it: colours that people can read on each other
(measured, also over the strip's own pixels), pictures in every size, words complete in every language.
What is wrong is said in a sentence that names the file, the key, what was expected and what to do.
The digest is of the folder's content, never of its dates, so a copied folder gives the same cards.

Apple's and Google's words do not occur here; each wallet maps roles ("strip@2x") to its own names.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

from babel import Locale

from . import artwork, pictures, stampcard
from .artwork import Colour
from .errors import ConfigError
from .words import LANGUAGES, Entries, Entry, flatten

COMMON_WORDS = "words"
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3 (AA)
_MOST_FILES = 64
_MOST_TOML_BYTES = 256 * 1024
_MOST_WORDS = 600
# Counts in the digest: raise it when pictures come out different from the same folder.
_MADE_AS = b"look 3"

STYLES: dict[str, tuple[str, ...]] = {
    "store": ("icon", "logo", "strip"),
    "coupon": ("icon", "logo", "strip"),
    "generic": ("icon", "logo", "thumbnail", "hero"),
}
"""The shapes of a card, each with the pictures it cannot do without."""

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
    files = _files(folder)
    common = _files(folder.parent / COMMON_WORDS) if (folder.parent / COMMON_WORDS).is_dir() else {}
    described = _Description(f"{folder.name}/look.toml", _toml(folder, "look.toml", files))
    colours = described.colours()
    style, named = described.style(), described.pictures()
    digest = _digest(files, common)
    cached = pictures.kept(cache, digest)
    images = cached or _prepared(folder.name, files, named, colours)
    look = Look(
        name=folder.name,
        digest=digest,
        title=described.title(),
        style=style,
        images=MappingProxyType(images),
        words=_words(folder, files, common),
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
    found = sorted(path.parent for path in folder.glob("*/look.toml"))
    return {look.name: load(look, cache) for look in found}


# Colours


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
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _mixed(colour: Colour, end: Colour, share: float) -> Colour:
    red, green, blue = (round(c + (e - c) * share) for c, e in zip(colour, end, strict=True))
    return red, green, blue


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


# look.toml


class _Description:
    """look.toml, asked value by value; every answer is checked."""

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


# Files


def _files(folder: Path) -> dict[str, bytes]:
    """Every file of the folder by its path within, read whole; no link is followed, nothing huge is read."""
    files: dict[str, bytes] = {}
    for path in _walk(folder):
        if len(files) == _MOST_FILES:
            raise ConfigError(f"{folder.name}: more than {_MOST_FILES} files; a look needs a dozen, remove the others.")
        files[path.relative_to(folder).as_posix()] = _read(path, f"{folder.name}/{path.relative_to(folder)}")
    return files


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as wrong:
        raise ConfigError(f"{folder.name}: cannot be read as a folder: {wrong.strerror}.") from None
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _read(path: Path, name: str) -> bytes:
    try:
        # Not blocking, so that a named pipe cannot hold us up before we see that it is one.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as wrong:
        why = "a link to elsewhere; copy the file itself here" if path.is_symlink() else str(wrong.strerror)
        raise ConfigError(f"{name}: {why}.") from None
    with open(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(f"{name}: not an ordinary file; remove it.")
        if about.st_size > artwork.MOST_BYTES:
            raise ConfigError(f"{name}: larger than 8 MB; save it smaller, 1125 pixels wide is plenty.")
        return file.read(artwork.MOST_BYTES + 1)


def _toml(folder: Path, name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    source = files.get(name)
    if source is None:
        raise ConfigError(f"{folder.name}/{name} is missing; copy one from another look and change it.")
    if len(source) > _MOST_TOML_BYTES:
        raise ConfigError(f"{folder.name}/{name}: larger than 256 KB; it should be a page of text.")
    try:
        return tomllib.loads(source.decode())
    except UnicodeDecodeError:
        raise ConfigError(f"{folder.name}/{name}: not text in UTF-8; save it with that encoding.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as wrong:
        raise ConfigError(f"{folder.name}/{name} is not valid TOML: {wrong}.") from None


def _digest(*folders: Mapping[str, bytes]) -> str:
    total = blake2b(_MADE_AS, digest_size=16)
    for files in folders:
        for name, content in sorted(files.items()):
            for part in (name.encode(), content):
                total.update(len(part).to_bytes(8, "big") + part)
        total.update(b"next")
    return total.hexdigest()


# Pictures


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


# Words


def _words(folder: Path, files: Mapping[str, bytes], common: Mapping[str, bytes]) -> Mapping[str, Entries]:
    """The words common to all looks, overlaid by the look's own; complete and alike in every language."""
    words = {language: _overlaid(folder, files, common, language) for language in LANGUAGES}
    for language, entries in words.items():
        for key, entry in entries.items():
            _check_entry(f"{folder.name}, words in {language}, {key}", language, entry)
        _check_alike(folder.name, language, entries, words["en"])
    return MappingProxyType({language: MappingProxyType(entries) for language, entries in words.items()})


def _overlaid(folder: Path, files: Mapping[str, bytes], common: Mapping[str, bytes], language: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    if f"{language}.toml" in common:
        entries |= flatten(_toml(folder.parent / COMMON_WORDS, f"{language}.toml", common))
    if f"words/{language}.toml" in files:
        entries |= flatten(_toml(folder, f"words/{language}.toml", files))
    return entries


def _check_entry(where: str, language: str, entry: object) -> None:
    forms = dict(entry) if isinstance(entry, Mapping) else {"other": entry}
    for words in forms.values():
        if not isinstance(words, str) or not 0 < len(words) <= _MOST_WORDS:
            raise ConfigError(f"{where}: expected is a text of 1 to {_MOST_WORDS} letters in quotes.")
        _placeholders(where, words)
    needed = {*Locale.parse(language).plural_form.tags, "other"}
    if isinstance(entry, Mapping) and set(forms) != needed:
        raise ConfigError(f"{where}: expected are the forms {', '.join(sorted(needed))}, no more and no fewer.")


def _check_alike(look: str, language: str, entries: Entries, english: Entries) -> None:
    for key in english.keys() ^ entries.keys():
        lacking = language if key in english else "en"
        raise ConfigError(f'{look}: the words "{key}" are missing in {lacking}.toml; add them, or remove the key.')
    for key, entry in entries.items():
        if _all_placeholders(entry) != _all_placeholders(english[key]):
            raise ConfigError(f'{look}: the words "{key}" in {language}.toml and en.toml name different {{places}}.')


def _all_placeholders(entry: Entry) -> set[str]:
    forms = [entry] if isinstance(entry, str) else list(entry.values())
    return set().union(*(_placeholders("", words) for words in forms))


def _placeholders(where: str, words: str) -> set[str]:
    """Names in braces; only plain names, since `{name.attribute}` would reach into whatever is filled in."""
    try:
        parts = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(words) if name is not None]
    except ValueError:
        parts = [("", "", None)]
    if any(spec or conversion or not re.fullmatch("[a-z_]{1,30}", name) for name, spec, conversion in parts):
        raise ConfigError(f"{where}: a place to fill in is a plain name in braces, such as {{amount}}; {words[:60]!r}")
    return {name for name, _, _ in parts}
