"""Keeps the newest good identity in hand while the service runs.

A renewed certificate is copied over the old one and passes are signed with it within a second, without a
restart. If the new files are bad, the old identity goes on signing and the complaint is kept for `doctor`
and the metrics. Files are looked at once a second at most and read only when they changed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ...errors import ConfigError
from .certificates import Identity, load
from .signer import Signer

LOOK_SECONDS = 1
# Time alone may mend a complaint: a certificate that was not valid yet.
RETRY_SECONDS = 60

Stamp = tuple[tuple[int, ...] | None, ...]


class Keychain:
    """The identity in three files, followed through their changes. Construction refuses bad files."""

    def __init__(
        self,
        certificate: Path,
        key: Path | None,
        intermediate: Path,
        password: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._certificate, self._key, self._intermediate = certificate, key, intermediate
        self._password, self._clock = password, clock
        self._reading = threading.Lock()
        self._stamp, self._looked = self._look(), self._now()
        self._signer = self._load()
        self.complaint: str | None = None

    @property
    def identity(self) -> Identity:
        return self.signer.identity

    @property
    def signer(self) -> Signer:
        """The signer of the newest good files. Never waits for another thread that is reading them."""
        now = self._now()
        # A clock set back must not stop us from looking.
        if abs(now - self._looked) >= LOOK_SECONDS and self._reading.acquire(blocking=False):
            try:
                self._follow(now)
            finally:
                self._reading.release()
        return self._signer

    def _follow(self, now: int) -> None:
        again = self.complaint is not None and abs(now - self._tried) >= RETRY_SECONDS
        self._looked, stamp = now, self._look()
        if stamp == self._stamp and not again:
            return
        # The stamp from before reading: a change while we read is seen at the next look.
        self._stamp = stamp
        try:
            self._signer, self.complaint = self._succeed(self._load()), None
        except ConfigError as wrong:
            self.complaint = str(wrong)

    def _load(self) -> Signer:
        self._tried = self._now()
        files = self._certificate, self._key, self._intermediate
        return Signer(load(*files, self._password, self._tried))

    def _succeed(self, new: Signer) -> Signer:
        """Refuse an heir that would break the cards already on phones."""
        old, now = self._signer.identity, self._now()
        if (new.identity.pass_type, new.identity.team) != (old.pass_type, old.team):
            raise ConfigError(
                f"{self._certificate}: is for {new.identity.pass_type} of team {new.identity.team}, "
                f"but the cards on phones are {old.pass_type} of team {old.team}; restart the service if this is meant."
            )
        if old.can_sign(now) and not new.identity.can_sign(now):
            raise ConfigError(f"{self._certificate}: has expired, while the certificate before it has not.")
        return new

    def _look(self) -> Stamp:
        paths = (self._certificate, self._key, self._intermediate)
        return tuple(_stamp(path) if path is not None else None for path in paths)

    def _now(self) -> int:
        return int(self._clock())


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What changes with a file's content, its rights (a chmod mends a refusal) or its place."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
