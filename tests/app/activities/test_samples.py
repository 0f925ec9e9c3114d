"""Made-up activities."""

from datetime import UTC, datetime, timedelta
from random import Random

from app.activities.drafts import problems_of
from app.activities.samples import samples

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


def test_samples_are_the_same_every_time_and_keep_the_rules() -> None:
    first = list(samples(200, until=NOW, days=42, chance=Random(1)))
    assert first == list(samples(200, until=NOW, days=42, chance=Random(1)))
    assert [problems_of(draft, now=NOW) for draft in first] == [{}] * 200


def test_samples_fill_the_days_and_none_is_in_the_future() -> None:
    starts = [draft.started_at for draft in samples(200, until=NOW, days=42, chance=Random(1)) if draft.started_at]
    assert len({start.date() for start in starts}) >= 41
    assert NOW - timedelta(days=43) < min(starts)
    assert max(starts) <= NOW
