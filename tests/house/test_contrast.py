"""The colours of app.css can be read, in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from pathlib import Path

import pytest

from app import colours

CSS = (Path(__file__).parents[2] / "static" / "app.css").read_text()
HEX = r"(#[0-9A-Fa-f]{6})"
PAIRED = {name: (light, dark) for name, light, dark in re.findall(rf"--([\w-]+): light-dark\({HEX}, {HEX}\)", CSS)}
SINGLE = {name: (colour, colour) for name, colour in re.findall(rf"--([\w-]+): {HEX};", CSS)}
TOKENS = PAIRED | SINGLE
THEMES = {"light": 0, "dark": 1}

# Foreground, background, ratio needed: 7 for the text of the page, 4.5 for other text, 3 for borders and shapes.
GROUNDS = ("bg", "surface", "surface-2")
STATES = ("ok", "warn", "bad", "info", "idle")
PAIRS = [
    *(("ink", ground, 7.0) for ground in (*GROUNDS, *(f"{state}-bg" for state in STATES), "accent-bg")),
    *(("ink-2", ground, 4.5) for ground in GROUNDS),
    *(("accent", ground, 4.5) for ground in (*GROUNDS, "accent-bg", *(f"{state}-bg" for state in STATES))),
    *(("accent-hover", ground, 4.5) for ground in GROUNDS),
    *(("energy", ground, 4.5) for ground in GROUNDS),
    *(("energy-fill", ground, 3.0) for ground in ("bg", "surface")),
    *((state, f"{state}-bg", 4.5) for state in STATES),
    *((state, "surface", 4.5) for state in STATES),
    *(("line-strong", ground, 3.0) for ground in ("bg", "surface")),
    *(("focus", ground, 3.0) for ground in GROUNDS),
    ("on-accent", "accent", 4.5),
    ("on-accent", "accent-hover", 4.5),
    ("on-rail", "rail", 7.0),
    ("on-rail-2", "rail", 4.5),
    ("energy-fill", "rail", 3.0),
    ("focus-rail", "rail", 3.0),
    ("bad", "bg", 4.5),
]


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_ratio_of_black_on_white_is_21() -> None:
    assert ratio("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
def test_every_pair_of_colours_can_be_read(theme: str) -> None:
    of = THEMES[theme]
    weak = {
        f"{fore} on {back}": (round(ratio(TOKENS[fore][of], TOKENS[back][of]), 2), needed)
        for fore, back, needed in PAIRS
        if ratio(TOKENS[fore][of], TOKENS[back][of]) < needed
    }
    assert weak == {}


@pytest.mark.parametrize("theme", THEMES)
def test_heat_scale_rises_by_visible_steps(theme: str) -> None:
    heat = [TOKENS[f"h{step}"][THEMES[theme]] for step in range(5)]
    assert [step for step in range(4) if ratio(heat[step], heat[step + 1]) < 1.15] == []


def test_no_colour_is_named_outside_the_tokens() -> None:
    rules = CSS[CSS.index("@layer base {") : CSS.index("@media print")]
    assert set(re.findall(r"#[0-9A-Fa-f]{3,8}\b", rules)) == set()


@pytest.mark.parametrize("theme", THEMES)
def test_an_accent_of_ones_own_is_held_against_these_very_colours(theme: str) -> None:
    of = THEMES[theme]
    grounds = ("bg", "surface", "surface-2", "ok-bg", "warn-bg", "bad-bg", "info-bg")
    assert colours.GROUNDS[theme] == tuple(TOKENS[name][of] for name in grounds)
    assert colours.OURS[theme] == tuple(TOKENS[name][of] for name in ("accent", "accent-hover", "accent-bg"))
    assert [colours.SURFACE[theme], colours.ON_ACCENT[theme]] == [TOKENS["surface"][of], TOKENS["on-accent"][of]]
