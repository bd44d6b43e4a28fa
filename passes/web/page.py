"""What every page for people is given: its language, its words, and a page for when something is wrong.

A visitor's language is the one they chose (`?language=`), else what their browser asks for, else the
shop's. Nothing is remembered about a visitor.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import render_template, request

from ..service import Service
from ..words import LANGUAGES, OWN_NAMES, Words
from .current import service


def language(service: Service) -> str:
    """The language this visitor reads."""
    asked = request.args.get("language", "")
    if asked in LANGUAGES:
        return asked
    return request.accept_languages.best_match(LANGUAGES) or service.settings.shop.language


def visitors_words(look: str | None = None) -> Words:
    """Words in the visitor's language, with those of a look laid over them."""
    return service().words_in(language(service()), look)


def languages(**kept: str) -> list[tuple[str, str, str]]:
    """Code, own name and address of this page in each language, for the switch; with what else its address holds."""
    # Relative to where the visitor is: a path written out could be read as another host's address.
    asked = {name: value for name, value in kept.items() if value}
    return [(code, OWN_NAMES[code], f"?{urlencode(asked | {'language': code})}") for code in LANGUAGES]


def error_page(status: int, sentence: str) -> str:
    """A refusal as a page. What a visitor cannot mend is said in general words, the rest in its own sentence."""
    about = {404: "missing", 410: "gone"}.get(status, "trouble")
    words = visitors_words()
    said = words.say("trouble.busy") if status in (429, 503) else sentence
    return render_template(
        "customer/sorry.html",
        words=words,
        languages=languages() if request.method == "GET" else [],
        organisation=service().settings.shop.name,
        about=about,
        sentence=said if about == "trouble" else "",
    )
