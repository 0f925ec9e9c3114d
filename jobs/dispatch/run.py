"""What a running job may ask of the engine: how far am I, where do I go on, should I stop."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any

from jobs.errors import Cancelled, Interrupted
from jobs.host import Host
from jobs.ledger import control
from jobs.ledger.writer import Claim

from . import outside

PROGRESS_EVERY_S = 0.3
LONGEST_NOTE = 200
LARGEST_CHECKPOINT = 100_000

_current: ContextVar["Run | None"] = ContextVar("jobs_run", default=None)


class Run:
    """One attempt of one job, seen from inside its function."""

    def __init__(
        self, host: Host, claim: Claim, hold: Any, *, atomic: bool, parents: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._host, self._claim, self._hold, self._atomic = host, claim, hold, atomic
        self._written_at = 0.0
        self._unwritten: tuple[int, int | None, str | None] | None = None
        self._parents = parents

    @cached_property
    def parents(self) -> Mapping[str, Any]:
        """Results of the steps this one waited for, by their names."""
        return self._parents()

    @property
    def uid(self) -> str:
        """The job's public id."""
        return self._claim.uid

    @property
    def attempt(self) -> int:
        """Which try this is, from 1."""
        return self._claim.attempt

    @property
    def checkpoint(self) -> Any:
        """What an earlier attempt kept last; None when none did."""
        return self._claim.checkpoint

    def check_cancelled(self) -> None:
        """Return at once, unless the job shall end: then raise what ends it, and let it through.

        Raises:
            Cancelled: a person asked for it.
            Interrupted: the worker stops; the job goes on elsewhere, from its checkpoint.
        """
        if self.uid in self._hold.cancelled:
            raise Cancelled("It was asked to stop.")
        if self._hold.is_leaving() and not self._atomic:
            raise Interrupted("The worker was asked to stop.")

    def progress(self, current: int, total: int | None = None, note: str | None = None) -> None:
        """Tell how far the job is; call it as often as you like, it is written a few times a second.

        Raises:
            RuntimeError: the job is atomic, so nothing of it can be seen before its end.
            Superseded: the job is another worker's by now.
        """
        self._needs_own_transactions("progress")
        self._unwritten = (int(current), None if total is None else int(total), note and note[:LONGEST_NOTE])
        if current == total or time.monotonic() - self._written_at >= PROGRESS_EVERY_S:
            self.flush()
        self.check_cancelled()

    def keep(self, checkpoint: Any) -> None:
        """Keep where the job is (a JSON value), in the transaction that is open, if one is.

        Raises:
            RuntimeError: the job is atomic.
            ValueError: it is larger than 100,000 characters of JSON.
            Superseded: the job is another worker's by now.
        """
        self._needs_own_transactions("a checkpoint")
        control.measured(checkpoint, LARGEST_CHECKPOINT)
        with self._host.transaction() as session:
            control.keep_checkpoint(session, self._claim.id, self._claim.owner, checkpoint)
        self.check_cancelled()

    def once(self, name: str, act: Callable[[str], Any], *, again: bool) -> Any:
        """Do something outside of the database, and say its answer: `act` is given a key that every attempt shares.

        When an earlier attempt may have done it and nobody knows, `again=True` does it once more under the same key,
        for receivers that recognise keys; `again=False` parks the job for a person to decide.

        Raises:
            RuntimeError: the job is atomic.
            UnknownOutcome: let it through; the job is parked.
        """
        self._needs_own_transactions("an effect outside")
        self.check_cancelled()
        return outside.once(self._host, self.uid, name, act, again=again)

    def flush(self) -> None:
        """Write the progress that was told last."""
        if self._unwritten is None:
            return
        current, total, note = self._unwritten
        self._unwritten, self._written_at = None, time.monotonic()
        with self._host.transaction(durable=False) as session:
            control.note_progress(session, self._claim.id, self._claim.owner, current=current, total=total, note=note)

    def _needs_own_transactions(self, what: str) -> None:
        if self._atomic:
            raise RuntimeError(
                f"{what} needs a job declared atomic=False: of an atomic one nothing is seen before its end"
            )


def current() -> Run:
    """The run that this code is part of.

    Raises:
        LookupError: it is not part of one, or of a whole batch.
    """
    run = _current.get()
    if run is None:
        raise LookupError("this code does not run as a job of its own")
    return run


def check_cancelled() -> None:
    """As `Run.check_cancelled`; outside of a job nothing happens."""
    run = _current.get()
    if run is not None:
        run.check_cancelled()


@contextmanager
def as_current(run: Run | None) -> Iterator[None]:
    """Make the run findable from inside."""
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)
