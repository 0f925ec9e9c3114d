"""The bounded expansion finds what the plain one finds."""

from datetime import datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobs.schedules.recurrence import read_recurrence

START = datetime(2024, 1, 31, 9, 30, 15)  # noqa: DTZ001 -- the wall clock has no zone
TEXTS = [
    "FREQ=YEARLY",
    "FREQ=YEARLY;INTERVAL=3;BYMONTH=2,7;BYMONTHDAY=1,-1",
    "FREQ=YEARLY;BYDAY=1MO,-1FR",
    "FREQ=YEARLY;BYWEEKNO=1,20;BYDAY=TU",
    "FREQ=YEARLY;BYYEARDAY=1,100,-1",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=13",
    "FREQ=MONTHLY;BYDAY=2TU,-1SU;BYHOUR=6,18",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU",
    "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,MO;WKST=MO;BYMINUTE=0,30",
    "FREQ=DAILY;INTERVAL=10",
    "FREQ=DAILY;BYMONTH=1;BYDAY=MO;BYHOUR=1,2;BYSECOND=5",
    "FREQ=HOURLY;INTERVAL=7",
    "FREQ=HOURLY;INTERVAL=5;BYHOUR=4,9,14",
    "FREQ=HOURLY;BYDAY=SA;BYMINUTE=0,15",
    "FREQ=MINUTELY;INTERVAL=35",
    "FREQ=MINUTELY;INTERVAL=15;BYDAY=WE",
    "FREQ=MINUTELY;BYMINUTE=7,8",
]


@settings(deadline=None, max_examples=25)
@pytest.mark.parametrize("text", TEXTS)
@given(later=st.timedeltas(timedelta(days=-10), timedelta(days=400)))
def test_the_next_run_is_the_one_that_plain_expansion_finds(text: str, later: timedelta) -> None:
    after = (START + later).replace(microsecond=0)
    expected = rrulestr(text, dtstart=START).after(max(after, START - timedelta(seconds=1)))
    assume(expected is not None)
    assert read_recurrence(text).next_local(after, START) == expected
