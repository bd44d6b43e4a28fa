"""Words for people, per language: sentences, plurals, numbers, money and dates.

Catalogues are TOML files; a value is a sentence or CLDR plural forms ({"one": ..., "few": ..., "other":
...}). Which form a number takes, and how numbers and dates are written, is Babel's knowledge
(Unicode CLDR). A missing language falls back to English; a missing key is a bug and says so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.core import get_global
from babel.dates import format_date, format_time, get_day_names
from babel.numbers import format_currency, format_decimal, get_currency_precision

from .card import Text
from .errors import ConfigError

OWN_NAMES = {"en": "English", "ru": "Русский", "pl": "Polski"}
"""Each language as its speakers call it."""

LANGUAGES = tuple(OWN_NAMES)
FORMS = frozenset({"zero", "one", "two", "few", "many", "other"})

Entry = str | Mapping[str, str]
Entries = Mapping[str, Entry]


class Words:
    """Everything the service can say in one language."""

    def __init__(self, language: str, entries: Entries) -> None:
        self.language = language
        self._entries = entries
        self._locale = Locale.parse(language)
        self._under: dict[str, Entries] = {}

    def say(self, key: str, /, n: int | None = None, **names: object) -> str:
        """The sentence under `key`; `n` chooses the plural form and fills `{n}` as a written number."""
        entry = self._entries[key]
        if not isinstance(entry, str):
            entry = entry.get(self._locale.plural_form(abs(n or 0)), entry["other"])
        if n is not None:
            names["n"] = self.number(n)
        return entry.format_map(names) if names else entry

    def has(self, key: str) -> bool:
        return key in self._entries

    def under(self, top: str) -> Entries:
        """All entries below `top`, for a script that says them itself."""
        found = self._under.get(top)
        if found is None:
            found = self._under[top] = {key: said for key, said in self._entries.items() if key.startswith(f"{top}.")}
        return found

    def number(self, n: int | Decimal) -> str:
        return _number(n, self.language)

    def weekday(self, day: int) -> str:
        """1 is Monday."""
        return str(get_day_names("wide", locale=self._locale)[day - 1])

    def money(self, minor: int, currency: str) -> str:
        """An amount in the currency's smallest unit as people write it: 1250 PLN -> 12,50 zł."""
        amount = Decimal(minor).scaleb(-get_currency_precision(currency))
        return format_currency(amount, currency, locale=self._locale)

    def date(self, at: int, zone: tzinfo = UTC) -> str:
        return format_date(datetime.fromtimestamp(at, zone), "long", locale=self._locale)

    def moment(self, at: int, zone: tzinfo = UTC) -> str:
        when = datetime.fromtimestamp(at, zone)
        # A month cut short ends no sentence, and no line.
        day = format_date(when, "medium", locale=self._locale).replace(". ", ".\N{NO-BREAK SPACE}")
        return f"{day}, {format_time(when, 'short', tzinfo=zone, locale=self._locale)}"

    def pick(self, text: Text) -> str:
        """The text in this language, else in English, else in any it has."""
        return text.get(self.language) or text.get("en") or next((t for t in text.values() if t), "")


def amount(words: Words, unit_key: str, n: int) -> str:
    """An amount as people say it: "5 points"."""
    return f"{words.number(n)}\N{NO-BREAK SPACE}{unit(words, unit_key, n)}"


def unit(words: Words, key: str, n: int) -> str:
    """The noun in the form that `n` asks for; a unit nobody gave words for stands as it is written."""
    return words.say(f"unit.{key}", n=n) if words.has(f"unit.{key}") else key


class Catalogue(Mapping[str, Words]):
    """`Words` by language."""

    def __init__(self, entries: Mapping[str, Entries]) -> None:
        self._words = {language: Words(language, entries[language]) for language in entries}

    def over(self, entries: Mapping[str, Entries]) -> Catalogue:
        """These words, with some of them said otherwise."""
        return Catalogue({name: {**words._entries, **entries[name]} for name, words in self._words.items()})

    def __getitem__(self, language: str) -> Words:
        return self._words.get(language) or self._words["en"]

    def __contains__(self, language: object) -> bool:
        return language in self._words

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)


def load(*folders: Path) -> dict[str, Entries]:
    """Entries per language from `<folder>/<language>.toml` and `<folder>/<language>/*.toml`; later folders win."""
    return {language: _merge(language, folders) for language in LANGUAGES}


def minor_digits(currency: str) -> int:
    """How many decimals the currency has: 2 for PLN, 0 for JPY."""
    return get_currency_precision(currency)


def is_currency(code: str) -> bool:
    return code in get_global("all_currencies")


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Entry]:
    """Nested TOML tables as dotted keys; a table of plural forms stays one entry."""
    entries: dict[str, Entry] = {}
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and not ("other" in value and FORMS.issuperset(value)):
            entries |= flatten(value, f"{key}.")
        else:
            entries[key] = value
    return entries


def _merge(language: str, folders: tuple[Path, ...]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for folder in folders:
        for path in [folder / f"{language}.toml", *sorted((folder / language).glob("*.toml"))]:
            if path.exists():
                entries |= flatten(_read(path))
    return entries


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"{path.parent.name}/{path.name} is not valid TOML: {wrong}") from None


@lru_cache(maxsize=4096)
def _number(n: int | Decimal, language: str) -> str:
    return format_decimal(n, locale=language)
