"""What an answer of APNs means for one nudge, for the connection and for the certificate.

Pure: a status and a body come in, an outcome goes out. The reasons are those of Apple's "Handling
notification responses from APNs". An answer nobody documented is never taken for success and never
deletes a registration.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from .. import Gone, Later, Outcome, Pushed, Refused

# The fault is ours (certificate, topic): every further push would fail alike, so the sender rests.
FAULTS_OF_OURS = frozenset(
    {
        "BadTopic",
        "MissingTopic",
        "TopicDisallowed",
        "BadCertificate",
        "BadCertificateEnvironment",
        "Forbidden",
        "MissingProviderToken",
        "InvalidProviderToken",
        "ExpiredProviderToken",
        "UnrelatedKeyIdInToken",
    }
)
# No phone will ever be reached with this token. Neither reason comes with a time.
FOREIGN_TOKENS = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic"})
# The connection has ended its service; the push itself is sound and goes out on the next one.
ENDS_OF_SERVICE = frozenset({"Shutdown", "IdleTimeout"})
TRANSIENT = {
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}
UNNAMED = {200: "", 403: "Forbidden", 410: "Unregistered", **TRANSIENT}
TOO_MANY_REQUESTS_WAIT_SECONDS = 60

_DONE = Pushed()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read: `since` is the unix second from which APNs knew the token as gone."""

    status: int
    reason: str = ""
    since: int | None = None

    @property
    def outcome(self) -> Outcome:
        if self.status == 200:
            return _DONE
        if self.status == 410:
            return Gone(self.since)
        if self.reason in FOREIGN_TOKENS:
            return Gone()
        if self.status == 429:
            return Later(self.why, TOO_MANY_REQUESTS_WAIT_SECONDS)
        if self.status in TRANSIENT or self.reason in ENDS_OF_SERVICE:
            return Later(self.why)
        return Refused(self.why)

    @property
    def why(self) -> str:
        return f"APNs answered {self.status} {self.reason}".rstrip()

    @property
    def blames_us(self) -> bool:
        """True if no push of ours can succeed before a person has mended certificate or topic."""
        return self.reason in FAULTS_OF_OURS or self.status == 403

    @property
    def ends_service(self) -> bool:
        """True if the same push should go out again on a new connection."""
        return self.reason in ENDS_OF_SERVICE


PUSHED = Answer(200)


def read(status: int, body: bytes) -> Answer:
    """Read an answer; a missing, broken or hostile body leaves only what the status says."""
    said = _object(body)
    return Answer(status, _reason(said) or UNNAMED.get(status, ""), _since(said))


def reason_of(body: bytes) -> str:
    """The reason in the JSON that comes with a GOAWAY, or an empty string."""
    return _reason(_object(body))


def _object(body: bytes) -> dict[str, object]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _reason(said: dict[str, object]) -> str:
    """Apple's reasons are one plain word; anything else is not repeated into logs or the console."""
    reason = said.get("reason")
    plain = isinstance(reason, str) and len(reason) <= 64 and reason.isascii() and reason.isalnum()
    return str(reason) if plain else ""


def _since(said: dict[str, object]) -> int | None:
    """APNs counts in milliseconds here and nowhere else."""
    at = said.get("timestamp")
    sane = isinstance(at, int) and not isinstance(at, bool) and 0 < at < 1 << 53
    return at // 1000 if sane and isinstance(at, int) else None
