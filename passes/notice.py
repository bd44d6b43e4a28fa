"""Fair warning: rules by which many members lose do not come overnight.

Before rules change, the new ones are replayed over the last ninety days of some hundred cards. If more of the active
ones lose than the programme's own `notice` allows, the change is refused unless it comes late enough, or whoever makes
it says that members were told. The notice is that of the rules in force: a draft cannot waive it for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from .definition import Definition
from .errors import Conflict
from .points import replay
from .programmes import Programme, refuse_another_promise
from .store import Store

DAY = 86_400
LOOK_BACK_SECONDS = 90 * DAY
MOST_CARDS = 500


class NoticeNeeded(Conflict):
    """Many members would lose at once; the sentence says how many and from when on the change may come."""

    code = "notice_needed"


@dataclass(frozen=True)
class Losses:
    """Of so many active members looked at, so many lose by rules that come before `soonest`."""

    losing: int
    active: int
    percent: int
    days: int

    def refuse_if_many(self) -> None:
        if self.losing * 100 > self.active * self.percent:
            raise NoticeNeeded(
                f"By these rules {self.losing} of {self.active} active members would have had less in the last ninety "
                f"days. Have them come into force {self.days} days from now or later, or say that members were told.",
                field="effective",
            )


def losses(store: Store, programme: Programme, draft: Definition, effective: int | None, now: int) -> Losses:
    """Who would lose by the draft; nobody is asked when it comes late enough. Not to be called in a transaction."""
    refuse_another_promise(programme, draft)
    notice = programme.definition.notice
    if (effective or now) - now >= notice.days * DAY:
        return Losses(0, 0, notice.percent, notice.days)
    found = replay.run(store, programme, draft, now - LOOK_BACK_SECONDS, now, most=MOST_CARDS)
    return Losses(found.losing, found.active, notice.percent, notice.days)
