"""What a card holds of one unit while its life is replayed: lots in memory, changed in place.

A million receipts pass through here, so nothing is copied and time is asked only of what can end. The order is the
ledger's: what is ripe first, what ends first, then the older.
"""

from __future__ import annotations

from math import inf


class Lot:
    """What ends and ripens at one time; `number` is its age."""

    __slots__ = ("expires", "left", "number", "ripens")

    def __init__(self, number: int, left: int, expires: int | None, ripens: int | None) -> None:
        self.number, self.left, self.expires, self.ripens = number, left, expires, ripens


class Pot:
    """A balance, in open lots by age. No lot ends before `next_end`."""

    __slots__ = ("_lots", "_made", "balance", "earned", "next_end")

    def __init__(self) -> None:
        self.balance = self.earned = self._made = 0
        self._lots: list[Lot] = []
        self.next_end: float = inf

    def fill(self, amount: int, expires: int | None, ripens: int | None) -> Lot:
        """What ends and ripens with a lot that is open joins it."""
        self.balance += amount
        for lot in reversed(self._lots):
            if lot.expires == expires and lot.ripens == ripens:
                lot.left += amount
                return lot
        self._made += 1
        lot = Lot(self._made, amount, expires, ripens)
        self._open(lot)
        return lot

    def give_back(self, lot: Lot, amount: int) -> None:
        self.balance += amount
        if not lot.left:
            self._open(lot)
            self._lots.sort(key=lambda each: each.number)
        lot.left += amount

    def take(
        self, amount: int, now: int, idle_end: int | None, spends: bool = False, first: Lot | None = None
    ) -> list[tuple[Lot, int]]:
        """The lots it comes from. Who spends takes what is ripe alone; the caller knows that there is enough."""
        uses, missing = [], amount
        for lot in sorted(self._lots, key=lambda lot: _turn(lot, now, idle_end, first)) if amount else ():
            if not spends or _is_spendable(lot, now, idle_end):
                part = min(missing, lot.left)
                lot.left -= part
                missing -= part
                uses.append((lot, part))
                if not missing:
                    break
        self.balance -= amount - missing
        self._close_empty()
        return uses

    def spendable(self, now: int, idle_end: int | None) -> int:
        return sum(lot.left for lot in self._lots if _is_spendable(lot, now, idle_end))

    def expire(self, now: int, idle_end: int | None) -> int:
        """End what has ended; how much."""
        is_idle = idle_end is not None and idle_end <= now
        if not self._lots or (now < self.next_end and not is_idle):
            return 0
        ended = 0
        for lot in self._lots:
            if is_idle or (lot.expires is not None and lot.expires <= now):
                ended += lot.left
                lot.left = 0
        self.balance -= ended
        self._close_empty()
        self.next_end = min((lot.expires for lot in self._lots if lot.expires is not None), default=inf)
        return ended

    def _open(self, lot: Lot) -> None:
        self._lots.append(lot)
        if lot.expires is not None and lot.expires < self.next_end:
            self.next_end = lot.expires

    def _close_empty(self) -> None:
        self._lots = [lot for lot in self._lots if lot.left]


def _turn(lot: Lot, now: int, idle_end: int | None, first: Lot | None) -> tuple[bool, bool, float, int]:
    end = _end(lot, idle_end)
    is_ripe = lot.ripens is None or lot.ripens <= now
    return lot is not first, not is_ripe, inf if end is None else end, lot.number


def _is_spendable(lot: Lot, now: int, idle_end: int | None) -> bool:
    end = _end(lot, idle_end)
    return (lot.ripens is None or lot.ripens <= now) and (end is None or end > now)


def _end(lot: Lot, idle_end: int | None) -> int | None:
    if lot.expires is None or idle_end is None:
        return lot.expires if idle_end is None else idle_end
    return min(lot.expires, idle_end)
