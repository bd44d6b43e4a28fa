"""The texts below a card: what a class says of its programme, and what an object tells of its member.

Google shows ten modules of each. A card with more to tell says its offers in one, and what is still too much, which
is what stands last, in another: nothing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial

from ... import phrases
from ...card import Card, Offer, Promise, Text
from ...words import Words
from .texts import HEADER, NAME, PARAGRAPH, TERMS, Body, Texts, pick

MOST_MODULES, MOST_OFFERS = 10, 5


def about(promise: Promise, texts: Texts) -> list[Body]:
    """How to use the card, its rules and its terms."""
    return [module.body(texts) for module in _about(promise, texts)]


def told(card: Card, texts: Texts, zone: tzinfo) -> list[Body]:
    """What is new first, then what the member can have."""
    news, offers = [*_news(card, texts)], [_offer(each, texts, zone) for each in card.offers[:MOST_OFFERS]]
    others = [*_others(card, texts, zone)]
    if len(news) + len(offers) + len(others) > MOST_MODULES and offers:
        offers = [_together("offers", "label.offers", offers, texts)]
    modules = [*news, *offers, *others]
    if len(modules) > MOST_MODULES:
        rest = modules[MOST_MODULES - 1 :]
        modules[MOST_MODULES - 1 :] = [_together("more", "label.more", rest, texts)]
    return [module.body(texts) for module in modules]


@dataclass(frozen=True)
class _Module:
    """A header and a text, in every language."""

    id: str
    headers: dict[str, str]
    texts: dict[str, str]

    def body(self, texts: Texts) -> Body:
        return {"id": self.id, **texts.said("header", self.headers), **texts.said("body", self.texts)}


def _module(texts: Texts, id: str, header: str, say: Callable[[Words], str]) -> _Module:
    return _Module(id, texts.each(lambda words: words.say(header)), texts.each(say))


def _together(id: str, header: str, modules: Sequence[_Module], texts: Texts) -> _Module:
    """Several as one, each under its own header."""
    return _Module(
        id,
        texts.each(lambda words: words.say(header)),
        {
            language: "\n".join(f"{each.headers[language]}\n{each.texts[language]}" for each in modules)
            for language in texts.words
        },
    )


def _about(promise: Promise, texts: Texts) -> Iterator[_Module]:
    yield _module(texts, "how-to-use", "label.how_to_use", lambda words: words.say("text.how_to_use"))
    if promise.rules:
        yield _module(texts, "rules", "label.rules", lambda words: _long(words, promise.rules))
    if any(promise.terms.values()):
        yield _module(texts, "terms", "label.terms", lambda words: _long(words, promise.terms))


def _long(words: Words, text: Text) -> str:
    return phrases.whole(words, pick(words, text, 2 * TERMS), TERMS)


def _news(card: Card, texts: Texts) -> Iterator[_Module]:
    if (news := card.news) is not None:
        yield _module(texts, "news", "label.news", lambda words: phrases.news(words, card, news, _by(words)))


def _offer(offer: Offer, texts: Texts, zone: tzinfo) -> _Module:
    def say(words: Words) -> str:
        until = words.say("text.offer_until", date=words.date(offer.ends - 1, zone)) if offer.ends else ""
        said = "\n".join(part for part in (pick(words, offer.body, PARAGRAPH), until) if part)
        return said or pick(words, offer.title, HEADER)

    return _Module(f"offer-{offer.key}", texts.each(lambda words: pick(words, offer.title, HEADER)), texts.each(say))


def _others(card: Card, texts: Texts, zone: tzinfo) -> Iterator[_Module]:
    for name in phrases.told(card):
        yield _module(texts, name, phrases.TOLD[name].label, partial(_say, name, card, zone))


def _say(name: str, card: Card, zone: tzinfo, words: Words) -> str:
    return phrases.TOLD[name].say(words, card, _by(words), zone)


def _by(words: Words) -> phrases.Pick:
    return partial(pick, words, most=NAME)
