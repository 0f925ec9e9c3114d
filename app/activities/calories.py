"""How much energy an activity burns: MET × kilograms × hours."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

TENTH = Decimal("0.1")
SECOND = timedelta(seconds=1)


def burned(met: Decimal, *, weight_kg: Decimal, duration: timedelta) -> Decimal:
    """Kilocalories, to a tenth: one MET is one kilocalorie for each kilogram and hour.

    Source: the definition of the MET in the Compendium of Physical Activities (Ainsworth and others).

    Raises:
        ValueError: something is missing or not above zero; the text says what, fit to be shown
    """
    for value, what in ((met, "MET"), (weight_kg, "weight"), (duration // SECOND, "duration")):
        if not value > 0:
            raise ValueError(f"It has no {what}.")
    hours = Decimal(duration // SECOND) / 3600
    return (met * weight_kg * hours).quantize(TENTH, ROUND_HALF_UP)
