"""What the engine tells those who watch it."""

from collections.abc import Sequence


class Observer:
    """Hears what happens, after it is committed. This one lets it pass.

    Its methods are called from the threads that run jobs: they return at once and raise nothing.
    """

    def enqueued(self, queue: str, kind: str, count: int) -> None:
        """Jobs were written down."""

    def ended(
        self,
        queue: str,
        kind: str,
        outcome: str,
        *,
        waits_s: Sequence[float],
        run_s: float,
        is_final: bool,
        uid: str = "",
    ) -> None:
        """One attempt of each of some jobs ended alike, after these waits; `is_final` when no other follows.

        `uid` is the public id of the first.
        """

    def superseded(self, count: int) -> None:
        """Attempts were found to be nobody's any more; nothing of them was kept."""

    def rescued(self, queue: str, kind: str, *, is_parked: bool, uid: str = "") -> None:
        """A job was taken back from a worker that fell silent."""

    def missed(self, count: int) -> None:
        """Slots of schedules passed while no scheduler ran, and make no job."""

    def swept(self, sweep: str, seconds: float) -> None:
        """A sweep ran for so long."""

    def flush(self) -> None:
        """This process is about to end."""
