"""The code that this till scanned last. It goes on proving that the phone is here while the bill is typed in."""

from __future__ import annotations

from flask import session

from ...stepup import NONE, Proof

COUNTS_SECONDS = 600


def remember(serial: str, proof: Proof, now: int) -> None:
    """Keep what a scanned code proves, instead of what another did before it."""
    session["shown"] = [serial, proof.step, proof.is_late, now]


def proof(serial: str, now: int) -> Proof:
    """What was proved about this card at this till a short while ago."""
    shown, step, is_late, at = session.get("shown") or ("", None, False, 0)
    return Proof(step, is_late) if shown == serial and now - at <= COUNTS_SECONDS else NONE


def forget() -> None:
    """A receipt was made; whatever follows needs another."""
    session.pop("shown", None)
