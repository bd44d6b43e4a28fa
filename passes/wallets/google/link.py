"""Links by which a member saves a card: the names of an object and its class, signed by the service account.

Nothing of the member is in it, and it changes nothing at Google: the card must be there already. Whoever
opens it first owns the card, so it is made only for a member who asks from their own card.
("Generic JWT", Google Wallet API reference.)
"""

from __future__ import annotations

import json

from .access import Account

SAVE_URL = "https://pay.google.com/gp/v/save"
MOST_TOKEN = 1800
"""Browsers may cut what is as long; then Google is asked for a short link that stands for it."""


class SaveLinks:
    """Signs links for one service account."""

    def __init__(self, account: Account) -> None:
        # Here and below: only homes with this wallet need it.
        from joserfc.jwk import RSAKey

        self._email = account.email
        self._key = RSAKey.import_key(account.key)
        self._header = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}

    def token(self, link_list: str, object_id: str, class_id: str, now: int) -> str:
        from joserfc import jws

        claims = {
            "iss": self._email,
            "aud": "google",
            "typ": "savetowallet",
            "iat": now,
            "payload": {link_list: [{"id": object_id, "classId": class_id}]},
        }
        payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
        return jws.serialize_compact(self._header, payload, self._key)
