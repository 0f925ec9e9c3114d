"""What the engine tells those who watch it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Asked(NamedTuple):
    """Which job, in which request it was asked for, by whom. Of several: the first, and what they have in common."""

    uid: str = ""
    request_id: str | None = None
    requested_by: str | None = None

    def beside(self, other: "Asked") -> "Asked":
        """This one and another as one."""
        if self[1:] == other[1:]:
            return self
        same_request, same_person = self.request_id == other.request_id, self.requested_by == other.requested_by
        return Asked(self.uid, self.request_id if same_request else None, self.requested_by if same_person else None)


NOBODY_KNOWN = Asked()


def together(asked: Iterable[Asked]) -> Asked:
    """Several as one."""
    first, *others = asked
    for other in others:
        first = first.beside(other)
    return first


class Observer:
    """Hears what happens, after it is committed. This one lets it pass.

    Its methods are called from the threads that run jobs: they return at once and raise nothing.
    """

    def enqueued(self, queue: str, kind: str, count: int, asked: Asked = NOBODY_KNOWN) -> None:
        """Jobs were written down in one transaction."""

    def unstarted(self, queue: str, kind: str, outcome: str, count: int, asked: Asked = NOBODY_KNOWN) -> None:
        """Jobs ended in one transaction while they waited: `cancelled`, or `expired`."""

    def ended(
        self,
        queue: str,
        kind: str,
        outcome: str,
        *,
        waits_s: Sequence[float],
        run_s: float,
        is_final: bool,
        asked: Asked = NOBODY_KNOWN,
    ) -> None:
        """One attempt of each of some jobs ended alike, after these waits; `is_final` when no other follows."""

    def superseded(self, count: int) -> None:
        """Attempts were found to be nobody's any more; nothing of them was kept."""

    def rescued(self, queue: str, kind: str, *, is_parked: bool, asked: Asked = NOBODY_KNOWN) -> None:
        """A job was taken back from a worker that fell silent."""

    def missed(self, count: int) -> None:
        """Slots of schedules passed while no scheduler ran, and make no job."""

    def swept(self, sweep: str, seconds: float) -> None:
        """A sweep ran for so long."""

    def flush(self) -> None:
        """This process is about to end."""
