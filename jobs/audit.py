"""What operators did, for whoever looks at it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .host import Host
from .ledger import audit
from .ledger.audit import AuditRow, Verification

ON_A_PAGE = 50


class Audit:
    """The audit log of one engine, read inside `host.inside()`. Nothing in it is ever changed or forgotten."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def page(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        before_id: int | None = None,
        limit: int = ON_A_PAGE,
    ) -> list[AuditRow]:
        """What was done from `since` on and before `until`, the newest first, from below `before_id`."""
        return audit.page(self._host.reading(), since=since, until=until, before_id=before_id, limit=limit)

    def note(self, *, by: str | None, action: str, subject: str, details: Mapping[str, Any]) -> None:
        """Add what somebody did, in the transaction that is open, or in one of its own; make it that one's last."""
        with self._host.transaction() as session:
            audit.append(session, by=by, action=action, subject=subject, details=details)

    def verify(self) -> Verification:
        """Walk the whole log, and say which row is the first that was changed, taken out or put in, if one was."""
        return audit.verify(self._host.reading())
