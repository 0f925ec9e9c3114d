"""What the dispatch tells about jobs that may be steps of workflows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy.orm import Session

from jobs.ledger.writer import Claim
from jobs.registry import Job


class Steps(Protocol):
    """Hears of jobs in the transaction that settles them."""

    def succeeded(self, session: Session, claims: Sequence[Claim]) -> bool:
        """Free what waited for these jobs; whether any became ready."""

    def failed(self, session: Session, job_ids: Collection[int]) -> None:
        """Take in that these jobs may have settled without success."""

    def arguments(self, job: Job, one: Claim) -> Mapping[str, Any]:
        """What the function of a step is called with."""

    def results_of_parents(self, one: Claim) -> dict[str, Any]:
        """By step name, what the steps came to that this one waited for."""


def of_workflows(claims: Sequence[Claim]) -> list[Claim]:
    """Those of the jobs that are steps."""
    return [one for one in claims if one.workflow_id is not None]
