"""What members do on their own card's page: claim a coupon or a receipt, be seen on the leaderboard, bring friends.

The card's link is the only credential, as everywhere below it. Each deed ends on the card again, with one word of a
fixed list in the address that says what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import Response, redirect, request, url_for

from ... import cards, claimcodes, claims, coupons, giftcards, leaderboard, programmes
from ...cards import Held
from ...errors import PassesError
from ...leaderboard import Place
from .picture import code_path, code_size

if TYPE_CHECKING:
    from ...service import Service

_WORDS = {"not_found": "coupon_unknown", "bad_input": "nickname_wrong", "limit_reached": "coupon_limit"}
TOLD = frozenset(
    (
        *("coupon_claimed", "coupon_unknown", "coupon_used", "coupon_over", "coupon_of_another"),
        *("coupon_limit", "too_many_tries"),
        *("claim_added", "claim_unknown", "claim_taken", "claim_over", "claim_void", "claim_of_another"),
        *("claim_card", "claim_join", "claim_coupon", "own_card", "earns_cap"),
        *("nickname_seen", "nickname_gone", "nickname_taken", "nickname_wrong", "card_not_active"),
    )
)


@dataclass(frozen=True)
class Own:
    """What the page offers its member beside the card: which deeds, and the link for friends with its code."""

    claims: bool = False
    adds: bool = False
    ranks: bool = False
    nickname: str = ""
    link: str = ""
    path: str = ""
    size: int = 0
    # The best of the leaderboard, and the member's own place; for who is on it.
    places: tuple[Place, ...] = ()


class Deeds:
    def __init__(self, service: Service) -> None:
        self._service, self._board = service, leaderboard.Board()

    def claim(self, serial: str, key: str) -> Response:
        """A code from a pack; one that is none is counted against the card."""
        here, held = self._service, self._held(serial, key)
        code = request.form.get("code", "")[:60]
        try:
            with here.store.transaction() as tx:
                coupons.count_try(tx, here.secrets, held, code, here.now)
            with here.store.transaction() as tx:
                coupons.claim(tx, cards.by_serial(tx, held.serial, lock=True), code, here.now)
        except PassesError as wrong:
            return _back(serial, key, wrong)
        return _back(serial, key, "coupon_claimed")

    def add(self, serial: str, key: str) -> Response:
        """The receipt of a purchase without the card, by its code or link."""
        here, held = self._service, self._held(serial, key)
        code = request.form.get("code", "")[: claimcodes.MOST_LENGTH]
        try:
            claims.bring(here.store, here.secrets, here.settings, held.serial, code, held.serial, here.now)
        except claims.ClaimOver as over:
            return _back(serial, key, over, ended=over.ended)
        except PassesError as wrong:
            return _back(serial, key, wrong)
        return _back(serial, key, "claim_added")

    def name(self, serial: str, key: str) -> Response:
        """A nickname to be seen by; without one, nobody is seen."""
        nickname = request.form.get("nickname", "")[:100].strip()
        self._held(serial, key)
        try:
            with self._service.store.transaction() as tx:
                held = cards.by_serial(tx, serial, lock=True)
                if nickname:
                    leaderboard.appear(tx, held, nickname, self._service.now)
                else:
                    leaderboard.vanish(tx, held)
        except PassesError as wrong:
            return _back(serial, key, wrong)
        return _back(serial, key, "nickname_seen" if nickname else "nickname_gone")

    def own(self, held: Held) -> Own:
        """What this card's programme lets its member do here."""
        with self._service.store.reading() as tx:
            programme = programmes.of_card(tx, held)
            definition = programme.definition
            known = leaderboard.nickname(tx, held.id) or ""
            is_seen = known and definition.leaderboard
            places = self._board.around(tx, programme, known, self._service.now) if is_seen else ()
        link = self._service.links.friends(held.revision.card)
        path, size = (code_path(link), code_size(link)) if link else ("", 0)
        adds = definition.kind not in giftcards.KINDS
        return Own(bool(definition.coupons), adds, definition.leaderboard, known, link, path, size, places)

    def _held(self, serial: str, key: str) -> Held:
        with self._service.store.reading() as tx:
            return cards.by_link(tx, serial, key, self._service.secrets)


def _back(serial: str, key: str, said: str | PassesError, ended: int | None = None) -> Response:
    word = _WORDS.get(said.code, said.code) if isinstance(said, PassesError) else said
    if word not in TOLD:
        assert isinstance(said, PassesError)
        raise said
    return cast(Response, redirect(url_for("ecard.show", serial=serial, key=key, told=word, ended=ended), 303))
