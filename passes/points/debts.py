"""What a return could not take back because it had been spent, and what of that is taken after all.

What was forgiven stays forgiven, whatever the card earns later. But when the very spending is undone, the amount is on
the card again: without this, whoever returned first what they bought and then what they paid with it would keep it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Text, cast, select, update

from ..store import Connection, Row
from ..store import tables as t
from .moves import Effect
from .orders import Case
from .purses import MEMBER, Draft, account_of, changes, unit_of


class Debts:
    """Those of a card while one of its receipts is taken back; `mine` are the effects that this receipt holds."""

    def __init__(self, tx: Connection, case: Case, receipt_id: int, mine: Sequence[Effect]) -> None:
        self.tx, self.case, self.receipt_id, self.mine = tx, case, receipt_id, mine
        self._others: dict[int, list[Effect]] = {}

    def collect(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Take from what the drafts give back to the card, after all that they take themselves."""
        back = {draft.unit: draft.amount for draft in drafts if draft.kind == "reverse" and draft.change > 0}
        left = changes(drafts)
        taken: list[Draft] = []
        for effect, posting in self._owed() if back else ():
            unit = unit_of(posting.source, posting.target)
            has = self.case.account.purse(unit).balance + left.get(unit, 0)
            amount = min(effect["amount"] - effect.get("collected", 0), back.get(unit, 0), has)
            if amount > 0:
                effect["collected"] = effect.get("collected", 0) + amount
                back[unit], left[unit] = back[unit] - amount, left[unit] - amount
                why = {"of": "forgiven", "posting": posting.seq}
                target = account_of(posting.source, unit)
                taken.append(Draft("reverse", MEMBER, target, amount, why, first=posting.lot_id, unit=unit))
        return taken

    def keep(self) -> None:
        """Note with other receipts what of theirs was collected."""
        for id, effects in self._others.items():
            self.tx.execute(update(t.Receipt).where(t.Receipt.id == id).values(effects=effects))

    def _owed(self) -> Iterator[tuple[Effect, Row]]:
        """What was forgiven, the oldest receipt first, with the posting it was of."""
        query = select(t.Receipt.id, t.Receipt.effects).where(t.Receipt.card_id == self.case.held.id)
        forgiving = query.where(cast(t.Receipt.effects, Text).contains('"forgiven"')).order_by(t.Receipt.id)
        for row in self.tx.execute(forgiving).all():
            effects = self.mine if row.id == self.receipt_id else self._of_other(row)
            for effect in effects:
                if effect["kind"] == "forgiven":
                    which = (t.Posting.programme_id == self.case.programme.id, t.Posting.seq == effect["posting"])
                    yield effect, self.tx.execute(select(t.Posting).where(*which)).one()

    def _of_other(self, row: Row) -> list[Effect]:
        return self._others.setdefault(row.id, [dict(effect) for effect in row.effects])
