"""One family of errors: what we can explain to the person at the other end.

Each child is one sentence for a person, a stable `code` and an HTTP `status` for a machine. They
become HTTP answers in exactly one place. A bug is not a `PassesError`: it crashes with its traceback.
No message ever repeats a secret, a token or personal data.
"""

from __future__ import annotations


class PassesError(Exception):
    """Something we can explain to the person at the other end."""

    status = 400
    code = "bad_request"

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


class BadInput(PassesError):
    """A field does not hold what was expected; the sentence says what was."""

    status = 422
    code = "bad_input"


class NotFound(PassesError):
    status = 404
    code = "not_found"


class LinkRevoked(PassesError):
    """A link that once opened a card and was taken back."""

    status = 410
    code = "link_revoked"


class Forbidden(PassesError):
    status = 403
    code = "forbidden"


class Unauthorised(PassesError):
    status = 401
    code = "unauthorised"


class Conflict(PassesError):
    """The request is right in itself but does not fit what the store already holds."""

    status = 409
    code = "conflict"


class KeyReused(Conflict):
    """The same idempotency key came with other content."""

    code = "key_reused"


class NotEnoughPoints(Conflict):
    code = "not_enough_points"

    def __init__(self, has: int, needs: int) -> None:
        super().__init__(f"The card holds {has} points and {needs} are needed; {needs - has} are missing.")
        self.has, self.needs = has, needs


class OutOfStock(Conflict):
    """There are no more of it."""

    code = "out_of_stock"


class LimitReached(Conflict):
    """As many were had already as one member may have."""

    code = "limit_reached"


class CardNotActive(Conflict):
    code = "card_not_active"


class TooOften(PassesError):
    """Asked more often than is allowed; `wait` says how many seconds to rest."""

    status = 429
    code = "too_many_requests"

    def __init__(self, sentence: str, wait: int, *, field: str | None = None) -> None:
        super().__init__(f"{sentence}; try again in {wait} seconds.", field=field)
        self.wait = wait


class TooManyTries(TooOften):
    """Something secret was guessed at too often."""

    code = "too_many_tries"


class Busy(PassesError):
    """The store could not be reached in time; the same request may be sent again."""

    status = 503
    code = "busy"


class ConfigError(PassesError):
    """A setting, a key or a certificate is wrong; the sentence says which and what to do."""

    status = 500
    code = "configuration"
