"""Service accounts, the tokens they get, and what each may do for which issuer."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from . import jwts
from .clock import Clock
from .refusals import Refused, TokenRefused, bad

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
# Google's own client names this audience whatever address it asks.
AUDIENCE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 3599
LONGEST_SECONDS, SKEW_SECONDS = 3600, 300


@dataclass(frozen=True)
class ServiceAccount:
    """What the cloud console hands out as a key file."""

    email: str
    key_id: str
    key: rsa.RSAPrivateKey
    token_url: str

    def as_json(self) -> dict[str, str]:
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {
            "type": "service_account",
            "project_id": "fake-project",
            "private_key_id": self.key_id,
            "private_key": pem,
            "client_email": self.email,
            "client_id": "100000000000000000001",
            "token_uri": self.token_url,
        }

    def write(self, path: Path) -> Path:
        path.touch(mode=0o600)
        path.write_text(json.dumps(self.as_json(), indent=2))
        return path


@cache
def _key(email: str) -> rsa.RSAPrivateKey:
    """Slow to make, so once per process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Issuer:
    body: dict[str, Any]
    roles: dict[str, str] = field(default_factory=dict)  # e-mail -> OWNER, WRITER or READER


class Accounts:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.token_url = ""
        self.accounts: dict[str, ServiceAccount] = {}
        self.issuers: dict[str, Issuer] = {}
        self.granted = 0
        self.refused = 0
        self.skew_seconds = SKEW_SECONDS
        self.token_seconds = TOKEN_SECONDS
        self._tokens: dict[str, tuple[str, float]] = {}

    def reset(self) -> None:
        """Nothing granted or refused, and issuers as they were at first; accounts, roles and tokens stay."""
        self.granted = self.refused = 0
        for issuer_id, issuer in self.issuers.items():
            issuer.body = _new_issuer(issuer_id)

    def add(self, email: str, roles: Mapping[str, str]) -> ServiceAccount:
        """A service account and the issuers it is a user of."""
        key = _key(email)
        key_id = f"{key.public_key().public_numbers().n % 16**40:040x}"
        account = self.accounts[email] = ServiceAccount(email, key_id, key, self.token_url)
        for issuer_id, role in roles.items():
            self.issuer(issuer_id).roles[email] = role
        return account

    def issuer(self, issuer_id: str) -> Issuer:
        """The issuer, made when it is first spoken of."""
        return self.issuers.setdefault(issuer_id, Issuer(_new_issuer(issuer_id)))

    # -- tokens

    def grant(self, form: Mapping[str, str]) -> dict[str, object]:
        """What the token endpoint answers."""
        try:
            email = self._assertion(form)
        except TokenRefused:
            self.refused += 1
            raise
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self._tokens[token] = (email, self._clock() + self.token_seconds)
        self.granted += 1
        return {"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer"}

    def expire_tokens(self) -> None:
        self._tokens.clear()

    def bearer(self, header: str) -> str:
        """Whose token this is; 401 for none, an unknown or an expired one."""
        scheme, _, token = header.partition(" ")
        email, ends = self._tokens.get(token, ("", 0.0))
        if scheme != "Bearer" or self._clock() >= ends:
            raise Refused(401, "Request had invalid authentication credentials.")
        return email

    def public_key(self, email: str, kid: str | None) -> rsa.RSAPublicKey | None:
        account = self.accounts.get(email)
        is_known = account is not None and kid in (None, account.key_id)
        return account.key.public_key() if account and is_known else None

    def _assertion(self, form: Mapping[str, str]) -> str:
        if form.get("grant_type") != GRANT:
            raise TokenRefused("Invalid grant_type.", "unsupported_grant_type")
        try:
            claims = jwts.read(form.get("assertion", ""), self.public_key)
        except jwts.BadToken as wrong:
            raise TokenRefused(str(wrong)) from None
        self._check_claims(claims)
        return str(claims["iss"])

    def _check_claims(self, claims: dict[str, Any]) -> None:
        issued, ends, now = claims.get("iat"), claims.get("exp"), self._clock()
        if not isinstance(issued, int) or not isinstance(ends, int):
            raise TokenRefused("Invalid JWT: iat and exp must be whole seconds.")
        if claims.get("aud") not in (AUDIENCE, self.token_url):
            raise TokenRefused("Invalid JWT: Failed audience check.")
        if SCOPE not in str(claims.get("scope", "")).split():
            raise TokenRefused(f"{SCOPE} must be in the scope.", "invalid_scope")
        if not 0 < ends - issued <= LONGEST_SECONDS:
            raise TokenRefused("Invalid JWT: Token must be a short-lived token (60 minutes).")
        if issued > now + self.skew_seconds or ends <= now - self.skew_seconds:
            raise TokenRefused("Invalid JWT: Token must be in a reasonable timeframe. Check your iat and exp values.")

    # -- permissions

    def demand(self, email: str, issuer_id: str, *roles: str) -> None:
        """403 unless the account is a user of the issuer in one of these roles (any, if none is named)."""
        issuer = self.issuers.get(issuer_id)
        role = issuer.roles.get(email) if issuer else None
        if role is None or (roles and role not in roles):
            raise Refused(403, f"Permission denied for issuer {issuer_id}.")

    def demand_write(self, email: str, issuer_id: str) -> None:
        self.demand(email, issuer_id, "OWNER", "WRITER")

    def permissions(self, issuer_id: str) -> dict[str, Any]:
        roles = self.issuer(issuer_id).roles
        return {
            "issuerId": issuer_id,
            "permissions": [{"emailAddress": email, "role": role} for email, role in sorted(roles.items())],
        }

    def set_permissions(self, issuer_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """The whole list is replaced; an owner must be left."""
        roles = {each.get("emailAddress", ""): each.get("role", "") for each in body.get("permissions", [])}
        if "OWNER" not in roles.values() or "" in roles or "" in roles.values():
            raise bad("permissions need an e-mail address and a role each, and one OWNER.")
        self.issuer(issuer_id).roles = roles
        return self.permissions(issuer_id)


def _new_issuer(issuer_id: str) -> dict[str, Any]:
    return {"issuerId": issuer_id, "name": f"Issuer {issuer_id}"}
