"""Which days count."""

from datetime import date

import pytest

from app.leaderboards.boards import Period, Window, window


@pytest.mark.parametrize(
    ("today", "week", "month"),
    [
        (date(2026, 11, 20), (date(2026, 11, 16), date(2026, 11, 22)), (date(2026, 11, 1), date(2026, 11, 30))),
        (date(2026, 11, 16), (date(2026, 11, 16), date(2026, 11, 22)), (date(2026, 11, 1), date(2026, 11, 30))),
        (date(2026, 12, 31), (date(2026, 12, 28), date(2027, 1, 3)), (date(2026, 12, 1), date(2026, 12, 31))),
        (date(2028, 2, 1), (date(2028, 1, 31), date(2028, 2, 6)), (date(2028, 2, 1), date(2028, 2, 29))),
    ],
)
def test_weeks_begin_on_monday_and_months_on_the_first(
    today: date, week: tuple[date, date], month: tuple[date, date]
) -> None:
    assert window(Period.WEEK, today) == Window(*week)
    assert window(Period.MONTH, today) == Window(*month)
    assert window(Period.ALL, today) == Window(None, None)
