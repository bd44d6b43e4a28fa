"""Who we are to Google: the service account's key file, and tokens got with it, each used until it nearly ends.

Neither the key nor a token is ever in an error, a log or a representation of these objects.
("Using OAuth 2.0 for server to server applications", Google.)
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.auth import exceptions, transport
from google.oauth2 import service_account

from ...errors import ConfigError

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
MARGIN_SECONDS = 60
ANSWER_SECONDS = 5
# A wrong clock or a key that was withdrawn: a person has to act, and then it goes on by itself.
REFUSED_SECONDS = 300
MOST_FILE_BYTES = 64 * 1024
LEAST_KEY_BITS = 2048
_FIELDS = ("client_email", "private_key", "private_key_id")
_ADVICE = "In Google Cloud, open the service account, Keys, Add key, JSON, and put the file that you get in its place."


class NoToken(Exception):
    """Google gave no token; it makes sense to ask again after so many seconds."""

    def __init__(self, why: str, wait_seconds: int = 0) -> None:
        super().__init__(why)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Account:
    """A service account as its key file describes it."""

    email: str
    key_id: str
    key: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Account:
        """The account in the file; what is wrong with the file is a ConfigError in one sentence."""
        said = _read(path)
        if said.get("type") != "service_account":
            raise _wrong(path, f"is {_other(said)}, not the key file of a service account")
        missing = [name for name in _FIELDS if not isinstance(said.get(name), str) or not said[name]]
        if missing:
            raise _wrong(path, f"lacks {' and '.join(missing)}")
        _check_key(path, said["private_key"])
        if "@" not in said["client_email"] or len(said["client_email"]) > 200:
            raise _wrong(path, "has a client_email that is no e-mail address")
        return cls(said["client_email"], said["private_key_id"], said["private_key"])


class Tokens:
    """Gives the token in force, asked for once however many calls need it."""

    def __init__(self, account: Account, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._account, self._url, self._clock = account, url, clock
        self._asking = threading.Lock()
        self._token, self._until = "", float("-inf")
        self._failed: tuple[NoToken, float] | None = None

    def get(self, instead_of: str = "") -> str:
        """The token; a new one when Google no longer takes `instead_of`. Raises NoToken."""
        came = self._clock()
        with self._asking:
            if self._clock() >= self._until or self._token == instead_of:
                self._renew(came)
            return self._token

    def _renew(self, came: float) -> None:
        """What failed while somebody waited for it has failed for them, too: a batch of cards is not one of logins."""
        if self._failed and came <= self._failed[1]:
            raise self._failed[0]
        try:
            self._token, self._until = self._ask()
        except NoToken as wrong:
            self._until, self._failed = float("-inf"), (wrong, self._clock())
            raise

    def _ask(self) -> tuple[str, float]:
        described = {
            "client_email": self._account.email,
            "private_key": self._account.key,
            "private_key_id": self._account.key_id,
            "token_uri": self._url,
        }
        credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            described, scopes=[SCOPE]
        )
        asked = Transport()
        try:
            credentials.refresh(asked)
        except exceptions.TransportError:
            raise NoToken("Google's token service cannot be reached") from None
        except (exceptions.GoogleAuthError, ValueError, TypeError) as wrong:
            # TypeError: an answer that is no JSON object, which google-auth takes for one.
            raise _refused(asked, wrong) from None
        if not isinstance(credentials.token, str) or not credentials.token.isprintable():
            raise NoToken("Google's token service answers nonsense")
        return credentials.token, self._clock() + max(0, asked.lasts_seconds - MARGIN_SECONDS)


class Transport(transport.Request):
    """How google-auth reaches the network: one request, within limits, nowhere else than told."""

    def __init__(self) -> None:
        self.status, self.error, self.lasts_seconds = 0, "", 0

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> Answer:
        try:
            with httpx2.Client(timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False) as client:
                answer = client.request(method, url, content=body, headers=dict(headers or {}))
        except (httpx2.HTTPError, httpx2.InvalidURL) as wrong:
            raise exceptions.TransportError(type(wrong).__name__) from None  # type: ignore[no-untyped-call]
        self.status = answer.status_code
        self._note(answer)
        return Answer(answer.status_code, answer.headers, answer.content)

    def _note(self, answer: httpx2.Response) -> None:
        try:
            said = answer.json()
        except ValueError:
            said = None
        if isinstance(said, dict):
            lasts, error = said.get("expires_in"), said.get("error")
            self.lasts_seconds = lasts if isinstance(lasts, int) else 0
            self.error = error if isinstance(error, str) and error.replace("_", "").isalpha() else ""


class Answer(transport.Response):
    """What google-auth wants to see of an answer."""

    status = 0
    headers: Mapping[str, str] = MappingProxyType({})
    data = b""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.status, self.headers, self.data = status, headers, data


def _refused(asked: Transport, wrong: Exception) -> NoToken:
    if 400 <= asked.status < 500 and asked.status != 429:
        hint = "; set this machine's clock, or make a new key" if asked.error == "invalid_grant" else ""
        return NoToken(
            f"Google gives the service account no token ({asked.error or asked.status}){hint}", REFUSED_SECONDS
        )
    return NoToken(f"Google's token service has trouble ({asked.status or type(wrong).__name__})")


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _wrong(path, "is not there") from None
    except OSError as wrong:
        raise _wrong(path, f"cannot be read ({wrong.strerror})") from None
    if len(text) > MOST_FILE_BYTES:
        raise _wrong(path, "is far too large to be one")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        what = "a key by itself" if b"PRIVATE KEY" in text else "not JSON (a .p12 file will not do)"
        raise _wrong(path, f"is {what}; the JSON file is needed") from None
    if not isinstance(said, dict):
        raise _wrong(path, "holds no JSON object")
    return said


def _other(said: Mapping[str, Any]) -> str:
    if "installed" in said or "web" in said:
        return "an OAuth client's file"
    return "a person's login" if said.get("type") == "authorized_user" else "something else"


def _check_key(path: Path, pem: str) -> None:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        raise _wrong(path, "has a private_key that cannot be read; perhaps its line breaks were lost") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_KEY_BITS:
        raise _wrong(path, f"has a private_key that is not RSA of {LEAST_KEY_BITS} bits or more")


def _wrong(path: Path, what: str) -> ConfigError:
    return ConfigError(f"[google.service_account] {path.name} {what}. {_ADVICE}", field="google.service_account")
