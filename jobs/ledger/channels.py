"""By which way whoever acts came. Whatever lets somebody in says so; what says nothing is the system itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum


class Channel(StrEnum):
    """A way in."""

    PAGE = "page"
    API = "api"
    TERMINAL = "terminal"
    SYSTEM = "system"


_now = ContextVar("channel", default=Channel.SYSTEM)


def channel() -> Channel:
    """The way by which whoever acts now came."""
    return _now.get()


def enter_by(way: Channel) -> None:
    """Whoever acts from now on, in this thread or task, came this way."""
    _now.set(way)


@contextmanager
def came_by(way: Channel) -> Iterator[None]:
    """Whoever acts inside came this way."""
    token = _now.set(way)
    try:
        yield
    finally:
        _now.reset(token)
