"""Which passwords are good enough: long, and neither common nor about the person."""

import re

from .common_passwords import COMMON

SHORTEST, SHORTEST_OF_ADMINS, LONGEST = 12, 15, 128
PRODUCT = "metronome"
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "01234567890123456789",
    "09876543210987654321",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujm",
    "zaqxswcdevfrbgtnhymju",
)
_LOOKS_LIKE = str.maketrans("013457@$!", "oleastasi")


def problem_of(password: str, *, about: tuple[str, ...] = (), is_admin: bool = False) -> str | None:
    """What is wrong with it, in one sentence; None for a good one.

    `about` holds what others may know: e-mail and name. Nothing is asked of the kinds of characters in it.
    """
    shortest = SHORTEST_OF_ADMINS if is_admin else SHORTEST
    if len(password) < shortest:
        return f"Use at least {shortest} characters; a few words in a row do well."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if any(word in password.casefold() for word in _words(about)):
        return "Do not use your name, your e-mail or the product's name in it."
    if _is_common(password.casefold()):
        return "This is one of the first that somebody would try."
    return None


def _words(about: tuple[str, ...]) -> set[str]:
    own = {text.casefold().partition("@")[0] for text in about}
    words = own | {text.casefold() for text in about} | {word for text in own for word in re.split(r"[\s.+_-]+", text)}
    return {word for word in words if len(word) > 3} | {PRODUCT}


def _is_common(password: str) -> bool:
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", password)
    if {password, bare, password.translate(_LOOKS_LIKE), bare.translate(_LOOKS_LIKE)} & COMMON:
        return True
    return len(set(password)) < 4 or _repeats(password) or any(password in run for run in _RUNS)


def _repeats(password: str) -> bool:
    """Whether it is a short part again and again, the last time perhaps cut off."""
    longest = len(password) // 2
    return any(_is_made_of(password, password[:size]) for size in range(1, min(longest, 8) + 1))


def _is_made_of(password: str, part: str) -> bool:
    return (part * (len(password) // len(part) + 1)).startswith(password)
