"""Charts as numbers for SVG: where each bar and each point is, and the sentence and the table that say the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor, log10

WIDTH, HEIGHT = 720, 160
LEFT, TOP, BOTTOM = 44, 10, 22
DASH = 8
SPARK_WIDTH, SPARK_HEIGHT = 96, 24
MOST_LABELS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across a chart with what it stands for."""

    at: float
    word: str


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values; `key` is its class, None is where nothing is known."""

    key: str
    word: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a series."""

    key: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A series as lines, interrupted where nothing is known."""

    key: str
    word: str
    parts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is drawn, in the units of the view box."""

    title: str
    sentence: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar]
    lines: Sequence[Line]
    legend: Sequence[tuple[str, str]]
    levels: Sequence[Mark]
    times: Sequence[Mark]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM


def bars(title: str, sentence: str, moments: Sequence[datetime], series: Sequence[Series], unit: str = "") -> Chart:
    """Bars that stand on each other."""
    sums = [sum(one.values[place] or 0 for one in series) for place in range(len(moments))]
    top = _round_up(max(sums, default=0))
    step = (WIDTH - LEFT) / max(1, len(moments))
    drawn: list[Bar] = []
    for place in range(len(moments)):
        level = 0.0
        for one in series:
            value = one.values[place] or 0
            if value:
                low, high = _height(level, top), _height(level + value, top)
                drawn.append(Bar(one.key, _r(LEFT + place * step), high, _r(max(1.0, step * 0.82)), _r(low - high)))
            level += value
    return _chart(title, sentence, moments, series, top, bars=drawn, unit=unit)


def lines(title: str, sentence: str, moments: Sequence[datetime], series: Sequence[Series], unit: str = "") -> Chart:
    """Lines from point to point."""
    top = _round_up(max((value or 0 for one in series for value in one.values), default=0))
    step = (WIDTH - LEFT) / max(1, len(moments))
    drawn = [Line(one.key, one.word, _parts(one.values, step, top)) for one in series]
    return _chart(title, sentence, moments, series, top, lines=drawn, unit=unit)


def _parts(values: Sequence[float | None], step: float, top: float) -> list[str]:
    parts: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            parts[-1].append((LEFT + (place + 0.5) * step, _height(value, top)))
    return [" ".join(f"{_r(x)},{y}" for x, y in (one if len(one) > 1 else _dash(*one[0]))) for one in parts if one]


def _dash(x: float, y: float) -> list[tuple[float, float]]:
    """A point that stands alone, as long as the eye needs it."""
    return [(x - DASH / 2, y), (x + DASH / 2, y)]


def _chart(
    title: str,
    sentence: str,
    moments: Sequence[datetime],
    series: Sequence[Series],
    top: float,
    *,
    bars: Sequence[Bar] = (),
    lines: Sequence[Line] = (),
    unit: str,
) -> Chart:
    is_long = bool(moments) and (moments[-1] - moments[0]).days >= 2
    clock = "%d %b" if is_long else "%H:%M"
    step = (WIDTH - LEFT) / max(1, len(moments))
    every = max(1, ceil(len(moments) / MOST_LABELS))
    times = [Mark(_r(LEFT + place * step), f"{moments[place]:{clock}}") for place in range(0, len(moments), every)]
    levels = [Mark(_height(top * part, top), _told(top * part)) for part in (0.5, 1)] if top else []
    rows = [
        (f"{moment:%Y-%m-%d %H:%M}", *(_cell(one.values[place], unit) for one in series))
        for place, moment in enumerate(moments)
        if any(one.values[place] for one in series)
    ]
    legend = [(one.key, one.word) for one in series]
    return Chart(
        title, sentence, ["When (UTC)", *(one.word for one in series)], rows, bars, lines, legend, levels, times
    )


def spark(values: Sequence[float]) -> str:
    """The points of a small line without axes."""
    top = max(values, default=0) or 1
    step = SPARK_WIDTH / max(1, len(values) - 1)
    return " ".join(
        f"{_r(place * step)},{_r(SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * value / top)}"
        for place, value in enumerate(values)
    )


def _height(value: float, top: float) -> float:
    room = HEIGHT - TOP - BOTTOM
    return _r(HEIGHT - BOTTOM - (room * value / top if top else 0))


def _round_up(most: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 … that is not less."""
    if most <= 0:
        return 0.0
    size = 10 ** floor(log10(most))
    return float(next(step * size for step in (1, 2, 5, 10) if step * size >= most * 0.999999))


def _cell(value: float | None, unit: str) -> str:
    return "—" if value is None else f"{_told(value)}{unit}"


def _told(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u202f") if value >= 10 or value == int(value) else f"{value:.3g}"


def _r(value: float) -> float:
    return round(value, 1)
