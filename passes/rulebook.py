"""A programme's rules as this home says them: `points.sentences` in its own words and those of the look.

Whoever opens the store hands a rulebook to `programmes.speak`, so that whatever draws cards draws the same text. Words
are read when they are first needed, and kept.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from . import words
from .card import Text
from .definition import Definition
from .home import page_words
from .points import sentences
from .words import Catalogue


class Rulebook:
    """`templates` are the home's own."""

    def __init__(self, templates: Path) -> None:
        pages, cards = page_words(templates), templates / "cards"
        self._words = cache(lambda look: Catalogue(words.load(*pages, cards / "words", cards / look / "words")))

    def __call__(self, definition: Definition) -> Text:
        return sentences.text(definition, self._words(definition.look))
