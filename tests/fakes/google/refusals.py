"""What this Google answers when it will not do what it was asked."""

from __future__ import annotations

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
REASONS = {
    400: "badRequest",
    401: "authError",
    403: "permissionDenied",
    404: "notFound",
    409: "alreadyExists",
    429: "rateLimitExceeded",
    500: "backendError",
    503: "backendError",
}


class Refused(Exception):
    """A refusal in the form all of Google's services give it."""

    def __init__(self, code: int, message: str, status: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.status = status or STATUSES.get(code, "UNKNOWN")
        self.reason = reason or REASONS.get(code, "unknown")

    def envelope(self) -> dict[str, object]:
        one = {"domain": "global", "reason": self.reason, "message": self.message}
        return {"error": {"code": self.code, "message": self.message, "status": self.status, "errors": [one]}}


def bad(message: str) -> Refused:
    return Refused(400, message)


def quota(message: str) -> Refused:
    return Refused(429, f"QuotaExceededException: {message}", reason="quotaExceeded")


class TokenRefused(Exception):
    """A refusal of the token endpoint, which speaks OAuth."""

    def __init__(self, why: str, error: str = "invalid_grant", code: int = 400) -> None:
        super().__init__(why)
        self.code = code
        self.said = {"error": error, "error_description": why}


class SaveRefused(Exception):
    """A save link that adds nothing to a wallet; the reason is what a developer of the issuer gets to see."""
