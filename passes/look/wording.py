"""The words of a look: those common to all looks, overlaid by its own; complete and alike in every language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from types import MappingProxyType

from babel import Locale

from ..errors import ConfigError
from ..words import LANGUAGES, Entries, Entry, flatten
from .files import toml

COMMON_WORDS = "words"


_MOST_WORDS = 600


def words_of(folder: Path, files: Mapping[str, bytes], common: Mapping[str, bytes]) -> Mapping[str, Entries]:
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
        entries |= flatten(toml(folder.parent / COMMON_WORDS, f"{language}.toml", common))
    if f"words/{language}.toml" in files:
        entries |= flatten(toml(folder, f"words/{language}.toml", files))
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
