"""Tracebacks as they are read: the host's own frames open, those of libraries and of the engine folded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_FRAME = re.compile(r'^\s+File "([^"]+)", line \d+')
_FOREIGN = re.compile(
    r"(?:site|dist)-packages/|/lib(?:64)?/python\d|/jobs/(?:dispatch|engine|workflows)|^<(?:frozen|string)"
)


@dataclass(frozen=True, slots=True)
class Passage:
    """Some lines of a traceback that belong together; `frames` is how many frames they are.

    What is no frame, such as the error itself, is read like the host's own.
    """

    is_ours: bool
    frames: int
    text: str


def passages(traceback: str) -> Sequence[Passage]:
    """The traceback in its order, neighbours of a sort together."""
    found: list[tuple[str, list[str], int]] = []
    sort = "ours"
    for line in traceback.splitlines():
        frame = _FRAME.match(line)
        if frame:
            sort = "foreign" if _FOREIGN.search(frame[1]) else "ours"
        elif not line.startswith("    "):
            sort = "ours"
        if found and found[-1][0] == sort:
            found[-1] = (sort, [*found[-1][1], line], found[-1][2] + bool(frame))
        else:
            found.append((sort, [line], int(bool(frame))))
    return [Passage(sort != "foreign", count, "\n".join(lines)) for sort, lines, count in found]
