"""Was this said by Google: a card of ours was saved to a wallet, or removed from one?

`verify` takes the bytes that came, Google's root keys, our issuer id and the time, and gives either what was
said or why it is not believed. It fetches nothing, keeps nothing and raises nothing, whatever the bytes are;
signatures are checked over the very text that came, before anybody reads it.
("Use callbacks for saves and deletions", and the byte strings of "Payment data cryptography", Google.)
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

PROTOCOL = "ECv2SigningOnly"
# Some of Google's pages say GoogleWalletPasses; genuine callbacks verify with this name alone.
SENDER = "GooglePayPasses"
MOST_BODY_BYTES = 64 * 1024
# A genuine body opens five, a list of keys one for each. Their number bounds the depth before anything is parsed.
MOST_BRACKETS = 100
MOST_SIGNATURES = 8
MOST_ROOTS = 16
MOST_NONCE = 200

_ID = re.compile(r"[0-9]{1,20}\.[A-Za-z0-9._-]{1,200}")
_MILLISECONDS = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True)
class RootKey:
    """One key by which Google signs those that sign. `expires_ms` None: for ever."""

    public: ec.EllipticCurvePublicKey
    protocol: str
    expires_ms: int | None

    def is_live(self, now_ms: int) -> bool:
        return self.expires_ms is None or now_ms < self.expires_ms


@dataclass(frozen=True)
class Callback:
    """What Google said. It may say so twice: `nonce` tells."""

    object_id: str
    class_id: str
    event: Literal["save", "del"]
    expires_ms: int
    nonce: str


@dataclass(frozen=True)
class Refusal:
    """Why it is not believed, and what to answer. 200: genuine, but of no concern to us."""

    status: int
    reason: str


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.refusal = Refusal(status, reason)


@dataclass(frozen=True)
class _Envelope:
    signature: str
    signed_key: str
    key_signatures: tuple[str, ...]
    signed_message: str


def verify(body: bytes, roots: Sequence[RootKey], issuer_id: str, now_ms: int) -> Callback | Refusal:
    """What was said, if Google said it to this issuer and it is still good; otherwise why not."""
    try:
        envelope = _open(body)
        live = _live(roots, now_ms)
        signer = _signer(envelope, live, now_ms)
        _check_message(envelope, signer, issuer_id)
        return _read_message(envelope.signed_message, issuer_id, now_ms)
    except _Refused as refused:
        return refused.refusal


def malformed(body: bytes) -> Refusal | None:
    """What can be refused without any key, so that rubbish never makes us ask for one."""
    try:
        _open(body)
    except _Refused as refused:
        return refused.refusal
    return None


def read_key(text: object) -> ec.EllipticCurvePublicKey | None:
    """A P-256 key from the base64 of its SubjectPublicKeyInfo; None if it is anything else."""
    der = _base64(text)
    try:
        key = load_der_public_key(der) if der else None
    except (ValueError, UnsupportedAlgorithm):
        return None
    is_p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    return key if is_p256 else None  # type: ignore[return-value]


def read_milliseconds(value: object) -> int | None:
    """Google writes these as digits in a text or as a number."""
    if isinstance(value, str):
        return int(value) if _MILLISECONDS.fullmatch(value) else None
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value < 10**18 else None  # type: ignore[operator,return-value]


def is_deep(text: str) -> bool:
    return text.count("{") + text.count("[") > MOST_BRACKETS


def read_json(text: str) -> Any:
    """JSON as the standard has it: no name twice, no NaN. Raises ValueError for anything else."""
    return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)


def _open(body: bytes) -> _Envelope:
    if len(body) > MOST_BODY_BYTES:
        raise _Refused(400, "the body is larger than 64 KiB")
    try:
        # Decoded by us: json would guess at UTF-16 and UTF-32.
        text = body.decode()
    except UnicodeDecodeError:
        raise _Refused(400, "the body is not UTF-8") from None
    said = _object(text, "the body")
    if said.get("protocolVersion") != PROTOCOL:
        raise _Refused(400, f"protocolVersion is not {PROTOCOL}")
    between = said.get("intermediateSigningKey")
    if not isinstance(between, dict):
        raise _Refused(400, "intermediateSigningKey is not an object")
    return _Envelope(
        signature=_text(said, "signature"),
        signed_key=_text(between, "signedKey"),
        key_signatures=_signatures(between.get("signatures")),
        signed_message=_text(said, "signedMessage"),
    )


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise _Refused(400, f"{name} is not a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        # JSON can spell half a character, which has no bytes that could have been signed.
        raise _Refused(400, f"{name} is not Unicode") from None
    return value


def _signatures(listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise _Refused(400, "signatures is not a list of texts")
    if not 0 < len(listed) <= MOST_SIGNATURES:
        raise _Refused(400, f"signatures has not 1 to {MOST_SIGNATURES} members")
    return tuple(listed)


def _live(roots: Sequence[RootKey], now_ms: int) -> list[RootKey]:
    ours = [root for root in roots[:MOST_ROOTS] if root.protocol == PROTOCOL]
    if not ours:
        raise _Refused(503, f"there is no root key for {PROTOCOL}")
    live = [root for root in ours if root.is_live(now_ms)]
    if not live:
        raise _Refused(503, "every root key has expired")
    return live


def _signer(envelope: _Envelope, roots: list[RootKey], now_ms: int) -> ec.EllipticCurvePublicKey:
    """The key that a root vouches for. Nothing inside it is read before that is known."""
    signed = _prefixed(SENDER, PROTOCOL, envelope.signed_key)
    vouched = (_is_signed(signed, text, root.public) for text in envelope.key_signatures for root in roots)
    if not any(vouched):
        raise _Refused(401, "signedKey is not signed by a root key of Google")
    said = _object(envelope.signed_key, "signedKey")
    expires_ms = read_milliseconds(said.get("keyExpiration"))
    if expires_ms is None:
        raise _Refused(400, "keyExpiration is not a time")
    if now_ms >= expires_ms:
        raise _Refused(403, "the intermediate key has expired")
    key = read_key(said.get("keyValue"))
    if key is None:
        raise _Refused(400, "keyValue is not a P-256 key")
    return key


def _check_message(envelope: _Envelope, signer: ec.EllipticCurvePublicKey, issuer_id: str) -> None:
    # The recipient is who we know we are, never who the message says we are.
    signed = _prefixed(SENDER, issuer_id, PROTOCOL, envelope.signed_message)
    if not _is_signed(signed, envelope.signature, signer):
        raise _Refused(401, "signedMessage is not signed for this issuer by Google's intermediate key")


def _read_message(text: str, issuer_id: str, now_ms: int) -> Callback:
    said = _object(text, "signedMessage")
    expires_ms = read_milliseconds(said.get("expTimeMillis"))
    if expires_ms is None:
        raise _Refused(400, "expTimeMillis is not a time")
    if now_ms > expires_ms:
        raise _Refused(403, "the message has expired")
    class_id, object_id = (_our_id(said, name, issuer_id) for name in ("classId", "objectId"))
    event = said.get("eventType")
    if event not in ("save", "del"):
        raise _Refused(200, "eventType is neither save nor del")
    return Callback(object_id, class_id, event, expires_ms, _nonce(said.get("nonce")))


def _our_id(said: dict[str, Any], name: str, issuer_id: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _Refused(400, f"{name} is not an id")
    if not value.startswith(f"{issuer_id}."):
        raise _Refused(403, f"{name} is of another issuer")
    return value


def _nonce(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MOST_NONCE or not value.isprintable():
        raise _Refused(400, "nonce is not a short text")
    return value


def _object(text: str, name: str) -> dict[str, Any]:
    if is_deep(text):
        raise _Refused(400, f"{name} is nested too deep")
    try:
        said = read_json(text)
    except ValueError:
        raise _Refused(400, f"{name} is not JSON") from None
    if not isinstance(said, dict):
        raise _Refused(400, f"{name} is not a JSON object")
    return said


def _prefixed(*parts: str) -> bytes:
    """Each part behind its length: four bytes, the lowest first, counting bytes of UTF-8 and not letters."""
    encoded = (part.encode() for part in parts)
    return b"".join(len(part).to_bytes(4, "little") + part for part in encoded)


def _is_signed(signed: bytes, signature: str, key: ec.EllipticCurvePublicKey) -> bool:
    try:
        key.verify(_base64(signature), signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _base64(text: object) -> bytes:
    """The bytes, or none unless this is the one way to write them."""
    if not isinstance(text, str):
        return b""
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        return b""
    return decoded if b64encode(decoded).decode() == text else b""


def _once_each(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    listed = list(pairs)
    said = dict(listed)
    if len(said) != len(listed):
        raise ValueError("a name occurs twice")
    return said


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
