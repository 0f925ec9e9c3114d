"""The processes of an engine, and what an operator wishes of them: their next beat hears of it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select, update

from .dispatch.heartbeat import QUIET, STOP
from .errors import NoSuchWorker, WrongState
from .host import Host
from .ledger import audit
from .ledger.models import WorkerRow
from .transactions import retrying

GO = "go"
WISHES = (QUIET, GO, STOP)
"""To take nothing more, to take work again, to finish what it runs and end."""


class Crew:
    """The processes of one engine."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def named(self, name: str) -> WorkerRow:
        """The row of a process. Raises NoSuchWorker."""
        query = select(WorkerRow).where(WorkerRow.name == name).execution_options(populate_existing=True)
        found = self._host.reading().scalars(query).first()
        if found is None:
            raise NoSuchWorker(name)
        return found

    @retrying
    def wish(self, name: str, wish: str, *, by: str | None, reason: str | None = None) -> None:
        """Have a process be `quiet`, `go` on, or `stop`.

        Raises:
            ValueError: it is none of these
            NoSuchWorker
            WrongState: only workers take work; whatever else beats can only be stopped.
        """
        if wish not in WISHES:
            raise ValueError(f"wish: it must be one of {', '.join(WISHES)}")
        with self._host.transaction() as session:
            row = self.named(name)
            if wish != STOP and row.role != "worker":
                raise WrongState(f"{name} takes no jobs; it can only be stopped.")
            before = row.wish or GO
            mine = update(WorkerRow).where(WorkerRow.name == name)
            mine = mine.values(wish="" if wish == GO else wish, wished_by=by).returning(WorkerRow.name)
            if not session.execute(mine.execution_options(synchronize_session=False)).scalar():
                raise NoSuchWorker(name)
            told: Mapping[str, Any] = {"before": {"wish": before}, "after": {"wish": wish}, "reason": reason}
            audit.append(session, by=by, action=wish, subject=f"worker {name}", details=told)

    @retrying
    def forget(self, name: str, *, by: str | None, reason: str | None = None) -> None:
        """Take the row of a process away that fell silent; one that lives writes it anew. Raises NoSuchWorker."""
        with self._host.transaction() as session:
            seen_at = self.named(name).seen_at
            mine = delete(WorkerRow).where(WorkerRow.name == name)
            session.execute(mine.execution_options(synchronize_session=False))
            told: Mapping[str, Any] = {"before": {"seen_at": seen_at.isoformat()}, "after": None, "reason": reason}
            audit.append(session, by=by, action="forget", subject=f"worker {name}", details=told)
