"""Parts of pages that are drawn once for all who see the same.

Nothing in such a part is anybody's own but the token in its forms: a mark stands there while it is drawn, and whoever
is given the part finds their own token in the mark's place.
"""

import gzip
import secrets
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app
from markupsafe import escape

TOKEN = "csrf_token"  # noqa: S105 -- the name of the host's function
QUICK = 1
_MARK = secrets.token_hex(16)
"""Made by chance in each process, and seen by nobody: what people write cannot hold it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part as it was drawn, and packed where everybody is given the same bytes."""

    drawn: bytes
    packed: bytes | None

    @property
    def body(self) -> bytes:
        """What the person of this request is given."""
        return self.drawn if self.packed else self.drawn.replace(_MARK.encode(), _token().encode())


class Told:
    """What is told to many at the same moment: tags and parts, by what those who see the same have in common."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._drawing = threading.Lock()
        self._tags: dict[Hashable, str] = {}
        self._parts: dict[Hashable, Part] = {}

    def tag(self, shape: Hashable, make: Callable[[], str]) -> str:
        """The tag of what those see."""
        return self._tags.get(shape) or self._tags.setdefault(shape, make())

    def part(self, shape: Hashable, draw: Callable[[], str]) -> Part:
        """What those see. Drawn by whoever is first, while others wait for it."""
        if shape not in self._parts:
            with self._drawing:
                if shape not in self._parts:
                    self._parts[shape] = _packed(draw().encode())
        return self._parts[shape]


def token_to_come() -> Mapping[str, Any]:
    """For a template whose part is shared: the mark, where the host has tokens."""
    return {TOKEN: lambda: _MARK} if TOKEN in current_app.jinja_env.globals else {}


def _packed(drawn: bytes) -> Part:
    # A part with tokens is left to the host, which may know how to hide from its length what stands in it (BREACH).
    has_tokens = _MARK.encode() in drawn
    return Part(drawn, None if has_tokens else gzip.compress(drawn, QUICK, mtime=0))


def _token() -> str:
    make = cast("Callable[[], str]", current_app.jinja_env.globals[TOKEN])
    return str(escape(make()))
