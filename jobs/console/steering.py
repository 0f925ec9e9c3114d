"""What somebody does to jobs through the console; every verb asks the host first whether they may."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import abort

from jobs.bulk.desk import BulkRequest
from jobs.dispatch.outbox import JobRequest
from jobs.engine import Engine
from jobs.ledger.bulk import Action
from jobs.ledger.models import Entry

from . import pages

Who = Callable[[], str | None]


class Steering:
    """Acts in the name of the person of the current request. Whoever may not is answered 403."""

    def __init__(self, engine: Engine, who: Who) -> None:
        self._engine, self._who = engine, who

    def needs(self, action: str) -> None:
        """Go on only if the host allows to `see`, `act` or `manage`."""
        if not self._engine.host.allow(action):
            abort(403)

    def retry(self, uid: str, *, reason: str | None) -> None:
        """Make a settled job ready again. Raises NoSuchJob, WrongState."""
        self.needs("act")
        self._engine.retry(uid, by=self._who(), reason=reason)

    def cancel(self, uid: str, *, reason: str | None) -> None:
        """Cancel what waits, ask what runs to end. Raises NoSuchJob, WrongState."""
        self.needs("act")
        self._engine.cancel(uid, by=self._who(), reason=reason)

    def run_now(self, entry: Entry, *, reason: str | None) -> None:
        """Let a job that is scheduled start as soon as a worker is free. Raises NoSuchJob, WrongState."""
        self.needs("act")
        self._engine.reschedule(entry.uid, self._engine.inspector.now(), by=self._who(), reason=reason)

    def run_again(self, entry: Entry, args: Mapping[str, Any], *, priority: int, reason: str | None) -> str:
        """Make a new job of the same kind with these arguments, which names the old one; its public id.

        Raises:
            UnknownJob, BadArguments
        """
        self.needs("manage")
        job = self._engine.job_named(entry.kind)
        by = self._who()
        request = JobRequest(
            job,
            args,
            entry.subject_kind,
            entry.subject_id,
            priority=priority,
            queue=entry.queue if entry.queue != job.queue_name and entry.queue in self._engine.queues else None,
            requested_by=by and by[:80],
            retry_of=entry.id,
        )
        with self._engine.host.transaction():
            uid = self._engine.enqueue(request)
            details = {
                "kind": entry.kind,
                "before": pages.shaped(entry.args),
                "after": pages.shaped(args),
                "new_job": uid,
                "reason": reason,
            }
            self._engine.audit.note(by=by, action="edit and run again", subject=f"job {entry.uid}", details=details)
        return uid

    def reveal(self, entry: Entry, *, reason: str | None) -> None:
        """Note that somebody wanted to see what is personal in a job's arguments and result."""
        self.needs("act")
        details = {"kind": entry.kind, "reason": reason}
        self._engine.audit.note(by=self._who(), action="reveal", subject=f"job {entry.uid}", details=details)

    def begin(self, request: BulkRequest, *, reason: str | None) -> str:
        """Have something done to many jobs; the operation's public id. Raises ValueError."""
        self.needs(needed_for(request.action))
        return self._engine.bulk.start(request, by=self._who(), reason=reason)

    def mute(self, fingerprint: str, *, reason: str | None) -> None:
        """Hide an error until another version runs. Raises NoSuchError."""
        self.needs("act")
        self._engine.mute(fingerprint, by=self._who(), reason=reason)

    def unmute(self, fingerprint: str, *, reason: str | None) -> None:
        """Show an error again."""
        self.needs("act")
        self._engine.unmute(fingerprint, by=self._who(), reason=reason)


def needed_for(action: Action) -> str:
    """What the host has to allow: what is deleted is gone for good."""
    return "manage" if action is Action.DELETE else "act"
