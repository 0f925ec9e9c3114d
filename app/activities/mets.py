"""The kinds of activity we know, each with its MET: how many times more energy it takes than resting."""

from decimal import Decimal
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """A kind of activity. Its value is stored and spoken by the API; its MET is the table of the first version."""

    met: Decimal
    icon: str

    def __new__(cls, value: str, met: str, icon: str) -> Self:
        """Make the member `value` and hang its MET and its icon on it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.met = Decimal(met)
        member.icon = icon
        return member

    RUNNING = "running", "9.0", "run"
    WALKING = "walking", "3.5", "walk"
    CYCLING = "cycling", "8.0", "bike"
    SWIMMING = "swimming", "6.5", "swim"
    YOGA = "yoga", "4.0", "yoga"

    @property
    def label(self) -> str:
        """What people read: "Running"."""
        return self.value.capitalize()

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """Every value with its label, in the order people are shown them."""
        return [(kind.value, kind.label) for kind in cls]

    @classmethod
    def named(cls, text: object) -> Self:
        """The kind with this value, in whatever case it was typed.

        Raises:
            ValueError: there is none; the text says which there are
        """
        if isinstance(text, str) and len(text) <= 40:
            for kind in cls:
                if kind.value == text.lower():
                    return kind
        raise ValueError(f"Choose one of: {', '.join(kind.value for kind in cls)}.")
