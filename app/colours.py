"""Whether a colour can be read, and the shades that go with it."""

import re

LEAST = 4.5
"""How much lighter or darker text has to be than its ground (WCAG 2.2, 1.4.3)."""

GROUNDS = {
    "light": ("#F1F5F4", "#FFFFFF", "#E6EDEB", "#DDF2E5", "#FBEFD2", "#FBE3E5", "#E0ECF9"),
    "dark": ("#0B1C1F", "#11272B", "#18343A", "#123A2A", "#3B2F10", "#45181F", "#15304F"),
}
"""What links lie on, as in static/app.css; a test holds the two together."""
SURFACE = {"light": "#FFFFFF", "dark": "#11272B"}
ON_ACCENT = {"light": "#FFFFFF", "dark": "#06262A"}
OURS = {"light": ("#0B5C66", "#084852", "#E1F0F0"), "dark": ("#62C6CE", "#8AD9DF", "#123840")}
"""The accent of the stylesheet: itself, under the pointer, and as a ground."""
HOVER, TINT = 0.2, 0.1
_HEX = re.compile(r"#[0-9A-Fa-f]{6}", re.ASCII)


def readable(text: str) -> str | None:
    """The colour as the stylesheet writes it; None for what is none."""
    return text.upper() if _HEX.fullmatch(text) else None


def weakest(accent: str, theme: str) -> tuple[float, str] | None:
    """Where it stands out least, when that is too little: the ratio, and the ground."""
    grounds = (*GROUNDS[theme], ON_ACCENT[theme], shades(accent, theme)[2])
    least = min((ratio(accent, one), one) for one in grounds)
    return least if least[0] < LEAST else None


def shades(accent: str | None, theme: str) -> tuple[str, str, str]:
    """The accent, the one under the pointer, and the ground of what is chosen; without one, the stylesheet's."""
    if accent is None:
        return OURS[theme]
    away = "#000000" if theme == "light" else "#FFFFFF"
    return accent, mixed(accent, away, HOVER), mixed(SURFACE[theme], accent, TINT)


def mixed(one: str, other: str, share: float) -> str:
    """The first colour with this share of the other in it."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def ratio(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = (one / 255 for one in _channels(colour))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
