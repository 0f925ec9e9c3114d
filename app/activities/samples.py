"""Activities somebody could have done: something to look at, and something to measure with."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from .drafts import Draft
from .mets import Kind

# How often each kind, how many minutes it usually takes, and what people write beside it.
HABITS = (
    (Kind.RUNNING, 4, (20, 65), ("Along the river", "Intervals", "Easy", "")),
    (Kind.WALKING, 4, (15, 90), ("To the market", "With the dog", "", "")),
    (Kind.CYCLING, 3, (20, 120), ("Commute", "Hills", "", "")),
    (Kind.SWIMMING, 2, (25, 60), ("Pool", "Lake", "")),
    (Kind.YOGA, 2, (15, 60), ("With Ana", "Before breakfast", "")),
)
STARTS_AT = (6.5, 7.25, 12.25, 17.5, 18.75)


def samples(count: int, *, until: datetime, days: int, chance: Random) -> Iterator[Draft]:
    """So many activities in the `days` before `until`, oldest first; the same `chance` gives the same ones."""
    begin = until - timedelta(days=days)
    midnight = begin.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(count):
        kind, _, minutes, notes = chance.choices(HABITS, [habit[1] for habit in HABITS])[0]
        day = midnight + timedelta(days=1 + number * days // count)
        start = day + timedelta(hours=chance.choice(STARTS_AT), minutes=chance.randrange(30))
        weight_kg = Decimal(720 - 20 * number // count + chance.randrange(-4, 5)) / 10
        yield Draft(
            kind=kind,
            duration=timedelta(minutes=chance.randrange(*minutes)),
            started_at=start if start <= until else start - timedelta(days=1),
            weight_kg=weight_kg,
            notes=chance.choice(notes),
        )
