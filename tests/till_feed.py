"""A month at the tills of a shop with three places, made up but not smooth: rosters, regulars, slips and thieves.

Honest people have habits too: regulars come at the same hour and so meet the same person, families share a card on a
weekend, a cashier mistypes and undoes, two coffees are paid one after the other. `schemes` hides what thieves do in
between; each scheme says which of its deeds must be seen.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from passes.watch import DAY, Deed, Hours

START = 1_789_948_800 - 1_789_948_800 % DAY
HOURS = Hours("06:00", "23:00", ZoneInfo("UTC"))
PLACES = ("Old Town", "Station", "Mall")
PEOPLE = 12


@dataclass
class Feed:
    """The log as it grows; `own` says whose card is which."""

    chance: random.Random
    days: int
    deeds: list[Deed] = field(default_factory=list)
    own: dict[int, int] = field(default_factory=dict)

    def writes(self, at: float, staff: int, card: int | None, what: str, place: str, outcome: str = "done") -> int:
        id = len(self.deeds) + 1
        self.deeds.append(Deed(id, int(at), staff, f"till-{place}", place, card, what, outcome))
        return id

    def sells(self, at: float, staff: int, card: int, place: str) -> int:
        """A card is shown, a bill is typed in."""
        self.writes(at - self.chance.uniform(5, 60), staff, card, "scan", place)
        return self.writes(at, staff, card, "earn", place)


def honest(receipts: int, seed: int) -> Feed:
    """So many honest receipts in a month."""
    chance = random.Random(seed)
    feed = Feed(chance, days=30)
    cards = max(200, receipts // 8)
    habits = {card: (chance.choice(PLACES), chance.uniform(7, 21), chance.paretovariate(1.3)) for card in range(cards)}
    # Nobody has more coffee than one a day.
    weights = [min(habit[2], 8) for habit in habits.values()]
    feed.own = {card: card for card in range(3)}  # staff buy theirs too, from whoever is there
    for card in chance.choices(range(cards), weights, k=receipts):
        place, hour, _ = habits[card]
        day = chance.randrange(feed.days)
        # Mostly their hour and their place; sometimes anywhere.
        if chance.random() < 0.15:
            place, hour = chance.choice(PLACES), chance.uniform(7, 21)
        at = START + day * DAY + min(max(hour + chance.gauss(0, 1), 6.2), 22.5) * 3600
        staff = on_duty(place, day, at)
        _visit(feed, at, staff, card, place)
    for number in range(receipts // 20):
        _joins(feed, 500_000 + number)
    return feed


def on_duty(place: str, day: int, at: float) -> int:
    """Two shifts a day at each place, on a roster that goes round: four people to a place."""
    late = (at - START) % DAY > 14 * 3600
    return PLACES.index(place) * 4 + (day + late + day // 7) % 4


def _visit(feed: Feed, at: float, staff: int, card: int, place: str) -> None:
    chance = feed.chance
    if feed.own.get(card) == staff:
        return
    receipt = feed.sells(at, staff, card, place)
    if chance.random() < 0.02:
        feed.writes(at + 40, staff, card, "undo", place)
        feed.writes(at + 90, staff, card, "earn", place)
    if chance.random() < 0.002:
        feed.writes(at + chance.uniform(30, 400), staff, card, "undo", place)
    if chance.random() < 0.02:
        feed.writes(at + chance.uniform(60, 500), staff, card, "earn", place)
    if chance.random() < 0.1:
        feed.writes(at + 20, staff, card, "redeem", place)
    if chance.random() < 0.005:
        feed.writes(at + 30, staff, card, "comp", place)
    assert receipt


def _joins(feed: Feed, card: int) -> None:
    """Most new members buy something there and then, some another day, a few never."""
    chance, place = feed.chance, feed.chance.choice(PLACES)
    at = START + chance.randrange(feed.days) * DAY + chance.uniform(7, 21) * 3600
    staff = on_duty(place, int(at - START) // DAY, at)
    feed.writes(at, staff, card, "join", place)
    if chance.random() < 0.8:
        feed.writes(at + 60, staff, card, "earn", place)
    elif chance.random() < 0.5:
        feed.sells(at + DAY, on_duty(place, int(at - START) // DAY + 1, at + DAY), card, place)


Scheme = Callable[[Feed, int], list[int]]
"""Hides itself in the feed, by this person; what must be seen."""


def _at(day: int, hour: float) -> float:
    return START + day * DAY + hour * 3600


def own_card_tried(feed: Feed, thief: int) -> list[int]:
    feed.own[90_001] = thief
    return [feed.writes(_at(3, 12), thief, 90_001, "earn", PLACES[0], "own_card")]


def own_card_before_it_was_linked(feed: Feed, thief: int) -> list[int]:
    feed.own[90_002] = thief
    return [feed.sells(_at(day, 13), thief, 90_002, PLACES[0]) for day in (1, 2, 5)]


def friend(feed: Feed, thief: int) -> list[int]:
    """Every bill without a card goes to a friend's."""
    return [feed.sells(_at(day, 10 + n), thief, 90_003, PLACES[1]) for day in (4, 8, 12, 16) for n in range(3)]


def colleague(feed: Feed, thief: int) -> list[int]:
    feed.own[90_004] = (thief + 1) % PEOPLE
    return [feed.sells(_at(9, 9 + n), thief, 90_004, PLACES[0]) for n in range(6)]


def split_bill(feed: Feed, thief: int) -> list[int]:
    return [feed.sells(_at(7, 15) + n * 60, thief, 90_005, PLACES[2]) for n in range(4)]


def split_all_day(feed: Feed, thief: int) -> list[int]:
    return [feed.sells(_at(11, hour) + n * 150, thief, 90_006, PLACES[1]) for hour in (9, 13, 18) for n in range(3)]


def at_night(feed: Feed, thief: int) -> list[int]:
    return [feed.sells(_at(14, 2.5), thief, 90_007, PLACES[0])]


def undoes(feed: Feed, thief: int) -> list[int]:
    """The customer leaves, the sale goes."""
    undone = []
    for n in range(45):
        day, hour = n % 28, 9 + n % 10
        feed.sells(_at(day, hour), thief, 91_000 + n, PLACES[2])
        undone.append(feed.writes(_at(day, hour) + 300, thief, 91_000 + n, "undo", PLACES[2]))
    return undone


def without_a_card(feed: Feed, thief: int) -> list[int]:
    return [feed.writes(_at(18, 16) + n * 1800, thief, 90_008, "earn", PLACES[1]) for n in range(4)]


def gifts_all_day(feed: Feed, thief: int) -> list[int]:
    return [feed.writes(_at(20, 10 + n), thief, 92_000 + n, "comp", PLACES[0]) for n in range(7)]


def gifts_to_one(feed: Feed, thief: int) -> list[int]:
    return [feed.writes(_at(day, 17), thief, 90_009, "comp", PLACES[2]) for day in (2, 9, 16, 23)]


def farms_welcomes(feed: Feed, thief: int) -> list[int]:
    """Customers of the imagination, in a quiet afternoon."""
    return [feed.writes(_at(6, 14) + n * 240, thief, 93_000 + n, "join", PLACES[1]) for n in range(12)]


def everywhere(feed: Feed, thief: int) -> list[int]:
    """A picture of one card, at two places within minutes."""
    return [feed.sells(_at(25, 12) + n * 120, thief + n, 90_010, PLACES[n]) for n in range(2)]


def guesses_a_pin(feed: Feed, thief: int) -> list[int]:
    """A gift card that was found, tried in a quiet hour."""
    return [feed.writes(_at(27, 15) + n * 120, thief, 90_011, "pin", PLACES[1], "wrong_pin") for n in range(6)]


SCHEMES: tuple[Scheme, ...] = (
    own_card_tried,
    own_card_before_it_was_linked,
    friend,
    colleague,
    split_bill,
    split_all_day,
    at_night,
    undoes,
    without_a_card,
    gifts_all_day,
    gifts_to_one,
    farms_welcomes,
    everywhere,
    guesses_a_pin,
)


def schemes(feed: Feed) -> Iterator[tuple[str, list[int]]]:
    """All of them, each by a person of its own."""
    for thief, scheme in enumerate(SCHEMES):
        yield scheme.__name__, scheme(feed, thief % (PEOPLE - 1))
