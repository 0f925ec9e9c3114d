"""Writing the jobs of workflows down, and waking workers for them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.dispatch.outbox import JobRequest, wake_at_commit, write_down
from jobs.dispatch.telling import Regrets
from jobs.errors import UnknownJob
from jobs.ledger.models import Entry
from jobs.observer import Observer
from jobs.registry import Job

from .shape import FROM_PARENTS, Step

FROM_THE_WORKFLOW = ("failures",)


@dataclass(frozen=True, slots=True)
class Pen:
    """Knows the declared jobs, and who hears of new ones."""

    jobs: Mapping[str, Job]
    wake: Callable[[str, int], None]
    observer: Observer
    regret: Regrets

    def known(self, step: Step, *, given: Sequence[str] = FROM_PARENTS) -> Job:
        """The declared job of the step; its queue is checked, and its arguments but for those `given` to it later.

        Raises:
            UnknownJob, BadArguments
        """
        job = self._named(step.job.name)
        job.check(step.args, later=given)
        if step.queue is not None and all(one.queue_name != step.queue for one in self.jobs.values()):
            raise UnknownJob(f"There is no queue called {step.queue}.")
        return job

    def request(self, kind: str, args: Mapping[str, Any], **options: Any) -> JobRequest:
        """What is written down for a step. A step is a job of its own, however unique its kind is elsewhere.

        Raises:
            UnknownJob
        """
        return JobRequest(dataclasses.replace(self._named(kind), unique=None, unique_for=0), args, **options)

    def write(self, session: Session, requests: Sequence[JobRequest]) -> list[int]:
        """Write the jobs of one workflow down with one statement; their ids, in order."""
        uids = write_down(session, requests, wake=self.wake, tell=self.observer.enqueued)
        found = session.connection().execute(
            select(Entry.uid, Entry.id).where(Entry.workflow_id == requests[0].workflow_id)
        )
        ids = dict(found.all())
        return [ids[uid] for uid in uids]

    def write_one(self, session: Session, request: JobRequest) -> None:
        """Write a job down that is no step."""
        write_down(session, [request], wake=self.wake, tell=self.observer.enqueued)

    def wake_at_commit(self, session: Session, ready: Mapping[str, int]) -> None:
        """Have workers woken for so many jobs in these queues once the transaction has committed."""
        wake_at_commit(session, self.wake, ready)

    def has_parameter(self, kind: str, name: str) -> bool:
        """Whether the function of this kind takes an argument of that name."""
        return any(one.name == name for one in self._named(kind).parameters)

    def _named(self, kind: str) -> Job:
        try:
            return self.jobs[kind]
        except KeyError:
            raise UnknownJob(f"No job is called {kind}.") from None
