"""The days of a window as bars: where each stands, in the units of the view box."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import floor, log10

from .summary import Summary, Total

STEP, GAP, HEIGHT = 10, 2, 100
ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One day; its `height` is 0 when nothing was burned."""

    day: date
    total: Total
    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """All bars, and the kilocalories that the full height stands for; 0 when there is nothing to draw."""

    bars: Sequence[Bar]
    top_kcal: int
    width: int
    height: int = HEIGHT

    @property
    def levels(self) -> list[int]:
        """The kilocalories at the top, in the middle and at the foot."""
        return [self.top_kcal, self.top_kcal // 2, 0]


def drawn(summary: Summary) -> Chart:
    """The energy of each day of the window."""
    days = summary.each_day()
    top = _round_up(max((one.energy_kcal or Decimal(0) for _, one in days), default=Decimal(0)))
    bars = []
    for number, (day, total) in enumerate(days):
        height = round(float(total.energy_kcal or 0) / top * HEIGHT, 1) if top else 0.0
        bars.append(Bar(day, total, number * STEP + GAP // 2, round(HEIGHT - height, 1), STEP - GAP, height))
    return Chart(bars, top, len(days) * STEP)


def _round_up(most: Decimal) -> int:
    """The next round number that is not less, and even."""
    if most <= 0:
        return 0
    size = 10 ** max(1, floor(log10(most)))
    return int(next(step * size for step in ROUND if step * size >= most))
