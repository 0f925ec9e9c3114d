"""What the engine asks of its host."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy.orm import Session


class Host(Protocol):
    """The application the engine lives in."""

    def inside(self) -> AbstractContextManager[Any]:
        """Make the application's context current, as its own code expects it."""

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[Session]:
        """Open one writing transaction, commit it on leaving, roll it back on an error.

        While it is open, every `transaction()` of the host's own code must join it: that is what makes a job's
        effect and its finish one commit. On SQLite it must begin IMMEDIATE.

        One that need not be `durable` may be taken back by a power cut, as long as everything after it is too; a host
        that knows no difference waits for the disk every time, and is only slower.
        """

    def in_transaction(self) -> bool:
        """Whether one is open, which `transaction()` would join."""

    def reading(self) -> Session:
        """A session for reading, valid inside `inside()`."""

    def gave_up(self, kind: str, args: Mapping[str, Any], reason: str) -> None:
        """Hear, inside the transaction that settles it, that a job will not be tried again by itself.

        It failed for good, was not started in time, lost its workers, or was cancelled; the reason is a sentence.
        """

    def allow(self, action: str) -> bool:
        """Whether the person of the current request may `see` jobs, `act` on them, or `manage`: what is for good."""
