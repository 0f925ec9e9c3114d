"""Rules as sentences."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs import Rule, in_words

START = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
BERLIN: dict[str, Any] = {"zone": "Europe/Berlin"}
SAID = {
    "Every 3 hours": Rule.every(hours=3),
    "Every minute": Rule.every(minutes=1),
    "Every 2 days at 07:30 (Europe/Berlin)": Rule.every(days=2, starts_at=START, **BERLIN),
    "Every day at 07:30 (Europe/Berlin), at most 5 times": Rule.every(days=1, starts_at=START, most_times=5, **BERLIN),
    "On weekdays at 07:30 (Europe/Berlin)": Rule.cron("30 7 * * 1-5", **BERLIN),
    "At weekends at 10:00 (UTC)": Rule.cron("0 10 * * sat,sun"),
    "On Mondays, Wednesdays and Sundays at 06:00 and 18:00 (UTC)": Rule.cron("0 6,18 * * mon,wed,7"),
    "Every day at 00:00 (UTC)": Rule.cron("@daily"),
    "On the 1st at 00:00 (UTC)": Rule.cron("@monthly"),
    "On the 1st in January at 00:00 (UTC)": Rule.cron("@yearly"),
    "On the 1st, 2nd, 3rd, 11th and 21st in May and June at 09:00 (UTC)": Rule.cron("0 9 1,2,3,11,21 5,6 *"),
    "On the 13th and on Fridays at 09:00 (UTC)": Rule.cron("0 9 13 * fri"),
    "Every 15 minutes (UTC)": Rule.cron("*/15 * * * *"),
    "Every 15 minutes on weekdays (UTC)": Rule.cron("*/15 * * * 1-5"),
    "Every minute (UTC)": Rule.cron("* * * * *"),
    "At minute 0 of every hour (UTC)": Rule.cron("@hourly"),
    "At minute 5 and 20 of every hour (UTC)": Rule.cron("5,20 * * * *"),
    "On weekdays at minute 0 and 30 past every hour from 8 to 17 (UTC)": Rule.cron("0,30 8-17 * * 1-5"),
    "Every month on the last day at 09:00 (UTC)": Rule.rrule(
        "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=9;BYMINUTE=0", starts_at=START
    ),
    "Every 2 weeks on Mondays at 07:30 (Europe/Berlin), at most once": Rule.rrule(
        "FREQ=WEEKLY;INTERVAL=2;COUNT=1", starts_at=START, **BERLIN
    ),
    "Every year on the 2nd in March at 06:30 (UTC), until 1 May 2030": Rule.rrule(
        "FREQ=YEARLY", starts_at=START, ends_at=datetime(2030, 5, 1, tzinfo=UTC)
    ),
    "Every 20 minutes (UTC)": Rule.rrule("FREQ=MINUTELY;INTERVAL=20", starts_at=START),
    "By the rule FREQ=MONTHLY;BYDAY=2TU (UTC)": Rule.rrule("FREQ=MONTHLY;BYDAY=2TU", starts_at=START),
    "Every day at 00:00 (UTC), from 2 March 2026": Rule.cron("@daily", starts_at=START),
    "Once, on 2 March 2026 at 07:30 (Europe/Berlin)": Rule.once(START, **BERLIN),
}


@pytest.mark.parametrize("words", SAID)
def test_a_rule_in_words(words: str) -> None:
    assert in_words(SAID[words]) == words
