"""Telling the host that a job will not be tried again by itself."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from jobs.host import Host
from jobs.ledger.models import Entry, in_state
from jobs.ledger.states import State
from jobs.log import get_logger
from jobs.registry import Job, names_now
from jobs.transactions import is_disturbed

CANCELLED = "It was cancelled."

log = get_logger(__name__)


def tell_gave_up(host: Host, session: Session, kind: str, args: Mapping[str, Any], reason: str) -> None:
    """Tell the host inside the settling transaction; a host that cannot listen does not stop the settlement.

    What other transactions disturbed goes up: all of it is to be made again.
    """
    try:
        with session.begin_nested():
            host.gave_up(kind, args, reason)
    except Exception as error:
        if is_disturbed(error):
            raise
        log.exception("the host could not take in that a job gave up", extra={"kind": kind, "args_given": dict(args)})


class Regrets:
    """Tells the host of jobs that were cancelled, in the transaction that cancelled them."""

    def __init__(self, host: Host, jobs: Mapping[str, Job]) -> None:
        self._host, self._jobs = host, jobs

    def __call__(self, session: Session, *which: ColumnElement[bool], reason: str = CANCELLED) -> None:
        """Tell of those of these jobs that are cancelled now."""
        rows = session.connection().execute(
            select(Entry.kind, Entry.args).where(*which, in_state(State.CANCELLED)).order_by(Entry.id)
        )
        told = [(names_now(self._jobs).get(one.kind, one.kind), one.args) for one in rows]
        try:
            # A savepoint for each costs more than the telling when they are many.
            with session.begin_nested():
                for kind, args in told:
                    self._host.gave_up(kind, args, reason)
        except Exception as error:
            if is_disturbed(error):
                raise
            # Which one it was shows when each is told of alone.
            for kind, args in told:
                tell_gave_up(self._host, session, kind, args, reason)
