"""Charts, graphs and weeks as numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.console.areas import charts, layers
from jobs.console.areas.charts import Bar, Series
from jobs.console.areas.layers import Node
from jobs.console.areas.week import Slot, cells, monday_of
from jobs.console.words import grouped, pace, seconds, share

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def minutes(count: int) -> list[datetime]:
    return [NOON + timedelta(minutes=number) for number in range(count)]


def test_bars_stand_on_each_other() -> None:
    chart = charts.bars("t", "s", minutes(2), [Series("done", "Done", [5, 0]), Series("failed", "Failed", [5, 0])])
    room = charts.HEIGHT - charts.TOP - charts.BOTTOM
    assert chart.bars == [
        Bar("done", 44, charts.TOP + room / 2, 277.2, room / 2),
        Bar("failed", 44, charts.TOP, 277.2, room / 2),
    ]
    assert [level.word for level in chart.levels] == ["5", "10"]
    assert chart.rows == [("2026-11-20 12:00", "5", "5")]


def test_a_chart_of_nothing_has_no_bars_and_no_rows() -> None:
    chart = charts.bars("t", "s", minutes(3), [Series("done", "Done", [0, 0, 0])])
    assert (chart.bars, chart.rows, chart.levels) == ([], [], [])


def test_lines_break_where_nothing_is_known() -> None:
    chart = charts.lines("t", "s", minutes(4), [Series("p50", "p50", [1, 2, None, 2])])
    (line,) = chart.lines
    assert [len(part.split()) for part in line.parts] == [2, 2]
    assert chart.rows[1] == ("2026-11-20 12:01", "2")


def test_a_small_line_has_a_point_for_each_value() -> None:
    assert charts.spark([0, 1]) == "0.0,22.0 96.0,2.0"
    assert charts.spark([]) == ""


def test_long_times_are_told_by_day() -> None:
    moments = [NOON + timedelta(hours=12 * number) for number in range(10)]
    chart = charts.bars("t", "s", moments, [Series("done", "Done", [1] * 10)])
    assert chart.times[0].word == "20 Nov"


def places(nodes: list[Node], edges: list[tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """By node: which column, and how far down."""
    picture = layers.drawn(nodes, edges)
    return {box.node.id: ((box.x - layers.MARGIN) // layers.COLUMN, box.y) for box in picture.boxes}


def test_a_step_stands_behind_all_it_waits_for() -> None:
    found = places([Node(1), Node(2), Node(3), Node(4)], [(1, 2), (2, 3), (1, 3), (3, 4)])
    assert {node: column for node, (column, _) in found.items()} == {1: 0, 2: 1, 3: 2, 4: 3}


def test_lines_do_not_cross_where_they_need_not() -> None:
    found = places([Node(1), Node(2), Node(3), Node(4)], [(1, 4), (2, 3)])
    assert (found[1][1] < found[2][1]) == (found[4][1] < found[3][1])


def test_a_circle_and_a_line_to_nowhere_do_no_harm() -> None:
    picture = layers.drawn([Node(1), Node(2)], [(1, 2), (2, 1), (1, 9), (1, 1)])
    assert len(picture.boxes) == 2
    assert layers.drawn([], []).boxes == []


def test_long_names_are_cut_to_the_box() -> None:
    (box,) = layers.drawn([Node(1, "a very long name of a step")], []).boxes
    assert (len(box.label), box.label[-1]) == (layers.LONGEST_LABEL, "…")


def test_a_week_has_a_cell_for_each_day() -> None:
    monday = monday_of(NOON)
    assert monday == datetime(2026, 11, 16, tzinfo=UTC)
    few = [Slot(NOON, "fired", "a" * 32, "succeeded"), Slot(NOON + timedelta(hours=1), "planned")]
    days = cells(monday, few)
    assert [len(day.slots) for day in days] == [0, 0, 0, 0, 2, 0, 0]
    assert [(one.word, one.look) for one in days[4].slots] == [("ran", "ok"), ("planned", "")]


def test_many_slots_of_a_day_are_told_as_numbers() -> None:
    many = [Slot(NOON + timedelta(minutes=number), "fired") for number in range(9)]
    many += [Slot(NOON + timedelta(hours=1), "skipped_late"), Slot(NOON + timedelta(hours=2), "fired", "b", "dead")]
    day = cells(monday_of(NOON), many)[4]
    assert day.slots == ()
    assert sorted(day.counts) == [("failed", "bad", 1), ("missed", "bad", 1), ("ran", "ok", 9)]


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "—"), (0.0, "0 ms"), (0.0004, "under 1 ms"), (0.0421, "42 ms"), (0.43, "0.43 s"), (12, "12 s")],
)
def test_short_times_are_told_as_exactly_as_matters(value: float | None, words: str) -> None:
    assert seconds(value) == words


def test_shares_and_numbers_read_well() -> None:
    assert [share(0, 0), share(0, 9), share(1, 1000), share(37, 100)] == ["—", "0 %", "under 1 %", "37 %"]
    assert grouped(1234567) == "1\u202f234\u202f567"
    assert [pace(0, 5), pace(7, 5), pace(100_000, 5)] == ["0", "1.4", "20\u202f000"]
