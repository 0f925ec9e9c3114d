"""Adding up: what was done in a window of days."""

from datetime import date, timedelta
from decimal import Decimal

from app.statistics.chart import drawn
from app.statistics.summary import Part, Summary, Total, summed_up, window

TODAY = date(2026, 11, 20)
SINCE, UNTIL = window(TODAY)


def part(day: date = TODAY, kind: str = "running", **changes: object) -> Part:
    usual = Part(day, kind, 1, 1_800, 1_800, Decimal("315.0"), 0)
    return usual._replace(**changes)  # type: ignore[arg-type]


def summary(*parts: Part) -> Summary:
    return summed_up(parts, since=SINCE, until=UNTIL)


def test_window_has_thirty_days_and_ends_today() -> None:
    assert (date(2026, 10, 22), TODAY) == (SINCE, UNTIL)
    assert len(summary().each_day()) == 30


def test_parts_add_up_by_day_and_by_kind() -> None:
    yesterday = TODAY - timedelta(days=1)
    found = summary(
        part(yesterday, "yoga", duration_s=5_400, longest_s=3_600, activity_count=2, energy_kcal=Decimal("420.5")),
        part(),
        part(kind="walking", energy_kcal=Decimal("122.5")),
    )
    assert found.days == [
        Total("2026-11-19", 2, 5_400, Decimal("420.5")),
        Total("2026-11-20", 2, 3_600, Decimal("437.5")),
    ]
    assert found.kinds == [
        Total("yoga", 2, 5_400, Decimal("420.5")),
        Total("running", 1, 1_800, Decimal("315.0")),
        Total("walking", 1, 1_800, Decimal("122.5")),
    ]
    assert (found.activity_count, found.active_days, found.duration_s) == (4, 2, 9_000)
    assert (found.energy_kcal, found.longest_s, found.uncounted) == (Decimal("858.0"), 3_600, 0)


def test_energy_is_unknown_while_nothing_is_counted_and_then_that_of_what_is() -> None:
    waiting = part(energy_kcal=None, uncounted=1)
    assert (summary(waiting).energy_kcal, summary(waiting).uncounted) == (None, 1)
    assert summary(waiting, part(kind="yoga", energy_kcal=Decimal(140))).energy_kcal == Decimal(140)


def test_nothing_is_nothing() -> None:
    found = summary()
    assert (found.activity_count, found.active_days, found.duration_s, found.longest_s) == (0, 0, 0, 0)
    assert (found.energy_kcal, found.kinds, found.days) == (None, [], [])
    assert drawn(found).top_kcal == 0


def test_totals_are_read_as_they_were_written() -> None:
    some = [Total("2026-11-20", 2, 3_600, Decimal("437.5")), Total("yoga", 1, 60, None)]
    assert [Total.read(one.written()) for one in some] == some


def test_bars_stand_on_the_floor_and_reach_up_to_a_round_number() -> None:
    chart = drawn(summary(part(SINCE, energy_kcal=Decimal(1_000)), part(energy_kcal=Decimal(750))))
    assert (chart.width, chart.levels) == (300, [1_000, 500, 0])
    tall = [(bar.x, bar.y, bar.width, bar.height) for bar in chart.bars if bar.height]
    assert tall == [(1, 0.0, 8, 100.0), (291, 25.0, 8, 75.0)]
    assert [drawn(summary(part(energy_kcal=Decimal(most)))).top_kcal for most in (1, 11, 315, 801, 1_284)] == [
        *(10, 15, 400, 1_000, 1_500)
    ]
