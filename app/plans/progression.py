"""What the next weeks ask for: more load, and when.

After two sessions with one or two repetitions over the target the load grows by 2 to 10 percent (Ratamess 2009).
"""

from decimal import Decimal

SESSIONS_AT_TOP = 2
UPPER_GROWS, LOWER_GROWS = Decimal("0.025"), Decimal("0.05")
MOST_AT_ONCE = Decimal("0.10")
PLATE_STEP_KG = Decimal("2.5")


def next_load_kg(
    load_kg: Decimal, *, is_lower: bool, sessions_at_top: int, step_kg: Decimal = PLATE_STEP_KG
) -> Decimal:
    """The load of the next session, after so many sessions in a row over the target.

    It grows by 2.5 percent for the upper body and 5 for the lower, down to a whole step, and by one step at least;
    where that would be more than 10 percent it stays, and repetitions are added.
    """
    if sessions_at_top < SESSIONS_AT_TOP:
        return load_kg
    steps = load_kg * (LOWER_GROWS if is_lower else UPPER_GROWS) // step_kg
    more_kg = max(Decimal(1), steps) * step_kg
    return load_kg + more_kg if more_kg <= load_kg * MOST_AT_ONCE else load_kg
