"""Texts as Google takes them: plainly in the member's language, and beside it localized in all, safe and bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...card import Text
from ...words import Words

Body = dict[str, Any]

NAME, LABEL, HEADER, PARAGRAPH, TERMS = 60, 40, 60, 500, 2000
"""How many characters are kept; Google clips what it has no room for."""


@dataclass(frozen=True)
class Texts:
    """Writes each text plainly in one language, and beside it localized in all."""

    words: Mapping[str, Words]
    language: str

    @property
    def own(self) -> Words:
        return self.words[self.language]

    def said(self, name: str, texts: Mapping[str, str]) -> Body:
        own = texts[self.language]
        others = [
            {"language": language, "value": text}
            for language, text in texts.items()
            if text and language != self.language
        ]
        localized = {"defaultValue": {"language": self.language, "value": own}, "translatedValues": others}
        return {name: own, f"localized{name[0].upper()}{name[1:]}": localized}

    def each(self, say: Callable[[Words], str]) -> dict[str, str]:
        return {language: say(words) for language, words in self.words.items()}

    def key(self, name: str, key: str) -> Body:
        return self.said(name, self.each(lambda words: words.say(key)))

    def picked(self, name: str, text: Text, most: int) -> Body:
        return self.said(name, self.each(lambda words: pick(words, text, most)))


def pick(words: Words, text: Text, most: int) -> str:
    return clean(words.pick(text), most)


def clean(text: str, most: int) -> str:
    """People's text as characters that show, bounded; Google makes a link of <a>, and none is meant."""
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in text[: 2 * most]).replace("<", "‹").strip()
    return shown if len(shown) <= most else f"{shown[: most - 1].rstrip()}…"
