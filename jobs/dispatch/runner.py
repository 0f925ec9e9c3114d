"""What a wake-up does: claim the best job or batch, run its actor, settle it.

For an atomic job, one transaction holds the effect, the finish and the claim of what comes next, so that a busy
queue costs one commit a job or batch. Quick jobs share a transaction, a few at a time: the commit costs more than
they do. The finish is fenced: when a job is not this worker's any more, nothing of that transaction is kept.
"""

import itertools
import math
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dramatiq
from dramatiq import Message, MessageProxy
from dramatiq.middleware import TimeLimitExceeded
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from jobs.errors import GiveUp, Interrupted, Superseded, UnknownOutcome
from jobs.host import Host
from jobs.ledger import control, writer
from jobs.ledger.models import Entry
from jobs.ledger.states import Outcome, State
from jobs.ledger.writer import Claim, Wish
from jobs.log import current_uid, get_logger
from jobs.observer import Asked, Observer, together
from jobs.registry import Job, names_now
from jobs.transactions import retrying

from . import loglines
from .circuit import Circuit
from .isolation import run_isolated
from .lanebook import LaneBook, Terms
from .pace import LONGEST_TRANSACTION_S, Pace
from .run import Run, as_current
from .steps import Steps, of_workflows
from .telling import Regrets, tell_gave_up
from .verdict import is_interruption, is_outage, leaves_doubt, verdict_on

SLICE_S = 1.0
SETTLE_AGAIN_S = 1.0
LARGEST_RESULT = 65_536
QUIET = (Outcome.SNOOZED, Outcome.INTERRUPTED, Outcome.CANCELLED)

log = get_logger(__name__)


@dataclass(slots=True)
class Hold:
    """The thread that holds some jobs, and the monotonic moment after which it must be stuck.

    Of its `claims`, `alone` is the one it runs, unless it runs all of them at once. `cancelled` says since when
    (monotonic) the process knows which of them were asked to end.
    """

    thread: threading.Thread
    until: float = math.inf
    claims: list[Claim] = field(default_factory=list)
    alone: str | None = None
    cancelled: dict[str, float] = field(default_factory=dict)
    is_leaving: Callable[[], bool] = bool
    lines: dict[str, loglines.Lines] = field(default_factory=dict)

    def is_alive(self) -> bool:
        """Whether the thread can still be believed to bring its jobs to an end."""
        return self.thread.is_alive() and time.monotonic() < self.until

    def logged(self) -> list[tuple[Claim, loglines.Lines]]:
        """What each of its jobs has logged so far."""
        lines = dict(self.lines)
        return [(one, lines[one.uid]) for one in self.claims if one.uid in lines]

    def is_stuck(self) -> bool:
        """Whether the thread lives but is past the moment at which it must have ended."""
        return self.thread.is_alive() and time.monotonic() > self.until


class Runner:
    """Runs ready jobs in the threads of one process."""

    def __init__(
        self,
        host: Host,
        jobs: Mapping[str, Job],
        broker: dramatiq.Broker,
        *,
        worker: str,
        lease_s: float,
        observer: Observer,
        steps: Steps,
        version: str = "",
    ) -> None:
        self._version = version
        self._host = host
        self._jobs = jobs
        self._broker = broker
        self._lease_s = lease_s
        self._observer = observer
        self._steps = steps
        self._regret = Regrets(host, jobs)
        self._numbers = itertools.count(1)
        self._chance = random.Random()  # noqa: S311 -- jitter, no secret
        self._pace = Pace()
        self._lanes = LaneBook(host, jobs)
        self._circuit = Circuit(host)
        self.worker = worker
        self.stopping = threading.Event()
        self.quiet = threading.Event()
        self.running: dict[str, Hold] = {}
        self.doubtful: set[str] = set()
        """Owners that may hold jobs nobody works on: whether their claim was committed was never heard."""
        self.settled = 0

    def drain(self, queue: str) -> bool:
        """Run ready jobs of the queue until none is left; False when the time slice ended first.

        The slice lets one thread serve several queues in turn.
        """
        until = time.monotonic() + SLICE_S
        claims = [] if self._claims_nothing() else self._claim(queue)
        while claims:
            goes_on = time.monotonic() < until and not self._claims_nothing()
            claims = self._work_off(claims, next_of=queue if goes_on else None)
            if not goes_on:
                return False
        self._lanes.look_ahead()
        return True

    def _claims_nothing(self) -> bool:
        """Whether this process stops, or an operator wishes it to take no more work."""
        return self.stopping.is_set() or self.quiet.is_set()

    def batch_sizes(self, queue: str) -> Mapping[str, int]:
        """The kinds this build knows in the queue, with how many of each one claim takes."""
        return {kind: self._size(self._jobs[kind]) for kind in self._lanes.terms(queue).kinds}

    def terms(self, queue: str) -> Terms:
        """On which terms this process claims from the queue."""
        return self._lanes.terms(queue)

    def claimable(self, queue: str) -> list[str]:
        """The names under which this build finds jobs in the queue: those of its kinds, and those they had before."""
        kinds = self.batch_sizes(queue)
        return [*kinds, *(alias for alias, name in names_now(self._jobs).items() if name in kinds)]

    def _size(self, job: Job) -> int:
        runs_in_turn = job.batch_size == 1 and job.atomic and not job.slow_down
        return self._pace.together(job.name) if runs_in_turn else job.batch_size

    def _claim(self, queue: str) -> list[Claim]:
        wish = self._wish(queue)
        claims: list[Claim] = []
        try:
            claims = self._take(wish)
        except BaseException as error:
            if leaves_doubt(error):
                self.doubtful.add(wish.owner)
            raise
        finally:
            if not claims:
                self.running.pop(wish.owner, None)
        return claims

    @retrying
    def _take(self, wish: Wish) -> list[Claim]:
        # A claim that a power cut takes back is a job that is ready again.
        with self._host.inside(), self._host.transaction(durable=False) as session:
            return writer.claim(session, wish, alone=True)

    def _wish(self, queue: str) -> Wish:
        """The next claim, in a name that the heartbeat knows before the claim commits."""
        owner = f"{self.worker}#{next(self._numbers)}"
        self.running[owner] = self._hold()
        terms = self._lanes.terms(queue)
        sizes = {kind: size for kind, size in self.batch_sizes(queue).items() if kind not in terms.paused}
        per_key = (terms.most_per_key, terms.rates_per_key)
        return Wish(queue, sizes, owner, self.worker, self._lease_s, *per_key, terms.guards, terms.names_now)

    def _hold(self) -> Hold:
        return Hold(threading.current_thread(), is_leaving=self.stopping.is_set)

    def _work_off(self, claims: list[Claim], *, next_of: str | None) -> list[Claim]:
        """Bring one claim to its settlement; what was claimed next, if anything."""
        owner = claims[0].owner
        wish = self._wish(next_of) if next_of else None
        following: list[Claim] = []
        try:
            ran, following = self._attempt(claims, wish)
            self._tell(ran, Outcome.SUCCEEDED, is_final=True)
            return following
        except BaseException as error:  # noqa: BLE001 -- whatever a job raises is settled, and the worker lives on
            following = []
            if wish and leaves_doubt(error):
                self.doubtful.add(wish.owner)
            self._settle(claims, error)
        finally:
            self.running.pop(owner, None)
            if wish and not following:
                self.running.pop(wish.owner, None)
        return self._claim(next_of) if next_of and not self._claims_nothing() else []

    def _attempt(self, claims: list[Claim], wish: Wish | None) -> tuple[list[Claim], list[Claim]]:
        """Run the jobs and finish them, and with the finish claim what comes next: what ran, and what was claimed."""
        job = self._jobs[claims[0].kind]
        # What no exception can interrupt (a system call, C code) outlives its limit: then its lease runs out.
        hold = self.running[claims[0].owner]
        hold.claims = claims
        hold.until = time.monotonic() + (job.slow_down + job.time_limit) / 1000 + self._lease_s
        self._slow_down(job)
        with self._host.inside():
            if job.atomic:
                return self._conclude(claims, wish, lambda: self._call_all(job, claims))
            results = [self._call(job, claims)]
            # What it did is done; that its finish was disturbed is no reason to do it again.
            return retrying(self._conclude)(claims, wish, lambda: results)

    def _conclude(
        self, claims: list[Claim], wish: Wish | None, come_to: Callable[[], list[Any]]
    ) -> tuple[list[Claim], list[Claim]]:
        with self._host.transaction() as session:
            results = come_to()
            ran = claims if self._jobs[claims[0].kind].batch_size > 1 else claims[: len(results)]
            if left := claims[len(ran) :]:
                writer.hand_back(session, left)
                self._take_in_what_was_cancelled(session, left)
            then = None if self._claims_nothing() else wish
            return ran, self._finish(session, ran, results, then)

    def _call_all(self, job: Job, claims: list[Claim]) -> list[Any]:
        return [self._call(job, claims)] if job.batch_size > 1 else self._call_in_turn(job, claims)

    def _finish(self, session: Session, ran: list[Claim], results: list[Any], then: Wish | None) -> list[Claim]:
        """Finish what ran with one statement, or, where jobs have results of their own, with one for each."""
        for result in results:
            _refuse_what_cannot_be_kept(result)
        if len(results) > 1 and any(result is not None for result in results):
            for one, result in zip(ran[:-1], results[:-1], strict=True):
                writer.succeed(session, [one], result)
            last, results = ran[-1:], results[-1:]
        else:
            last = ran
        lines, steps = self.running[ran[0].owner].lines, of_workflows(ran)
        following = writer.succeed(session, last, results[0], then=then, alone=not (steps or any(lines.values())))
        loglines.keep(session, ran, lines)
        if steps and self._steps.succeeded(session, steps) and then and not following:
            return writer.claim(session, then)
        return following

    def _call_in_turn(self, job: Job, claims: list[Claim]) -> list[Any]:
        """Run jobs one after the other in one transaction, as long as that stays short; their results."""
        results: list[Any] = []
        began = time.monotonic()
        for one in claims:
            if results and (self.stopping.is_set() or time.monotonic() - began > LONGEST_TRANSACTION_S):
                break
            started, started_cpu = time.monotonic(), time.thread_time()
            results.append(self._call(job, [one]))
            self._pace.learn(job.name, time.monotonic() - started, time.thread_time() - started_cpu)
        return results

    def _tell(self, claims: list[Claim], outcome: Outcome, *, is_final: bool) -> None:
        first = claims[0]
        self.settled += len(claims)
        waits_s, run_s = [one.waited_s for one in claims], time.monotonic() - first.claimed_at
        asked = together(Asked(one.uid, one.request_id, one.requested_by) for one in claims)
        self._observer.ended(
            first.queue, first.kind, outcome, waits_s=waits_s, run_s=run_s, is_final=is_final, asked=asked
        )
        self._circuit.learn(self._jobs[first.kind], outcome, len(claims))

    def _call(self, job: Job, claims: list[Claim]) -> Any:
        """Call the job's Dramatiq actor, with Dramatiq's middleware around this very job and not the wake-up."""
        message: Message[Any] = Message(
            queue_name=job.queue_name, actor_name=job.name, args=(), kwargs={}, options={}, message_id=claims[0].uid
        )
        proxy, actor = MessageProxy(message), self._broker.get_actor(job.name)
        token = current_uid.set(claims[0].uid if len(claims) == 1 else f"{claims[0].uid} and {len(claims) - 1} more")
        run = None if job.is_batched else self._run_of(job, claims[0])
        self._broker.emit_before("process_message", proxy)
        try:
            with as_current(run), loglines.caught(self._lines_of(claims[0])):
                if job.is_batched:
                    return actor([next(iter(one.args.values())) for one in claims])
                return self._call_one(job, actor, claims[0], run)
        finally:
            self._broker.emit_after("process_message", proxy)
            current_uid.reset(token)

    def _lines_of(self, one: Claim) -> loglines.Lines:
        lines = self.running[one.owner].lines[one.uid] = loglines.Lines()
        return lines

    def _run_of(self, job: Job, one: Claim) -> Run:
        hold = self.running[one.owner]
        hold.alone = one.uid
        return Run(self._host, one, hold, atomic=job.atomic, parents=lambda: self._steps.results_of_parents(one))

    def _call_one(self, job: Job, actor: dramatiq.Actor[Any, Any], one: Claim, run: Run | None) -> Any:
        args = one.args if one.workflow_id is None else self._steps.arguments(job, one)
        if job.isolate:
            return run_isolated(job, args, check=run.check_cancelled if run else lambda: None)
        result = actor(**args)
        if run is not None and not job.atomic:
            run.flush()
        return result

    def _slow_down(self, job: Job) -> None:
        """The artificial delay of demonstrations: after the claim, before any transaction."""
        if job.slow_down and self.stopping.wait(job.slow_down / 1000):
            raise Interrupted("The worker was asked to stop.")

    @retrying
    def give_back(self, owners: Sequence[str]) -> int:
        """Make what these owners still run ready again, or cancelled where that was asked for; how many.

        Raises:
            SQLAlchemyError: the database is away.
        """
        with self._host.inside(), self._host.transaction() as session:
            asked = [uid for _, uid in control.cancel_requests(session, owners)]
            count = writer.give_back(session, owners)
            if asked:
                ids = session.scalars(select(Entry.id).where(Entry.uid.in_(asked))).all()
                self._steps.failed(session, ids)
                self._regret(session, Entry.id.in_(ids))
            return count

    def settle_doubts(self) -> None:
        """Give back what was claimed by transactions whose commit was never heard of, if they were committed.

        Raises:
            SQLAlchemyError: the database is away.
        """
        if owners := list(self.doubtful):
            if count := self.give_back(owners):
                log.warning("gave back claims that were never heard of", extra={"jobs": count})
            self.doubtful.difference_update(owners)

    def _take_in_what_was_cancelled(self, session: Session, claims: Sequence[Claim]) -> None:
        """What goes back and was asked to end meanwhile has come to its end by that."""
        self._steps.failed(session, [one.id for one in of_workflows(claims)])
        self._regret(session, Entry.id.in_([one.id for one in claims]))

    # -- when it did not go well ------------------------------------------------------------------------------------

    def _settle(self, claims: list[Claim], error: BaseException) -> None:
        if len(claims) == 1 or is_outage(error) or is_interruption(error):
            for one in claims:
                self._settle_one(one, error)
        elif isinstance(error, Superseded):
            kept = self._still_mine(claims)
            log.warning("batch superseded", extra={"lost": len(claims) - len(kept), "kept": len(kept)})
            self._observer.superseded(len(claims) - len(kept))
            if kept:
                self._work_off(kept, next_of=None)
        else:
            middle = len(claims) // 2
            log.info("batch split", extra={"size": len(claims), "error": type(error).__name__})
            self._work_off(claims[:middle], next_of=None)
            self.running[claims[0].owner] = self._hold()
            self._work_off(claims[middle:], next_of=None)

    @retrying
    def _still_mine(self, claims: list[Claim]) -> list[Claim]:
        with self._host.inside(), self._host.transaction() as session:
            return writer.still_mine(session, claims)

    def _settle_one(self, one: Claim, error: BaseException) -> None:
        """Write down how the attempt ended; a database that is away is waited for, as long as a few leases."""
        if isinstance(error, Superseded):
            log.warning("attempt superseded, nothing kept", extra={"job": one.uid, "attempt": one.attempt})
            self._observer.superseded(1)
            return
        until = time.monotonic() + 4 * self._lease_s
        if hold := self.running.get(one.owner):
            hold.until = max(hold.until, until + self._lease_s)  # it waits, and is not stuck
            hold.alone = None  # it runs no more: who asked it to end is not to interrupt what writes that down
        while True:
            try:
                self._record(one, error)
                return
            except Superseded:
                log.warning("attempt settled elsewhere", extra={"job": one.uid, "attempt": one.attempt})
                self._observer.superseded(1)
                return
            except SQLAlchemyError as trouble:
                if time.monotonic() > until or self.stopping.wait(SETTLE_AGAIN_S):
                    log.error("attempt left to the reaper", extra={"job": one.uid, "error": str(trouble)})
                    return

    def time_out(self, owner: str) -> bool:
        """Settle the job that the thread of this claim is stuck in, which took too long; whether there was one.

        Of a batch nobody knows which one it is: its jobs are left to the reaper, which brings them back one by one.

        Raises:
            Superseded: it is not this worker's any more.
        """
        hold = self.running.get(owner)
        stuck = [one for one in hold.claims if one.uid == hold.alone] if hold else []
        for one in stuck:
            self._record(one, TimeLimitExceeded())
        return bool(stuck)

    def _record(self, one: Claim, error: BaseException) -> None:
        job = self._jobs[one.kind]
        hold = self.running.get(one.owner)
        was_asked = hold is not None and one.uid in hold.cancelled
        verdict = verdict_on(error, job, one, chance=self._chance, was_asked_to_end=was_asked)
        verdict = replace(verdict, failure=replace(verdict.failure, version=self._version))
        with self._host.inside(), self._host.transaction() as session:
            if verdict.outcome is Outcome.CANCELLED:
                writer.cancel_running(session, one)
                self._regret(session, Entry.id == one.id)
            elif verdict.retry_in_s is None:
                end = State.PARKED if isinstance(error, UnknownOutcome) else State.DEAD
                writer.bury(session, one, outcome=verdict.outcome, failure=verdict.failure, end=end)
                tell_gave_up(self._host, session, one.kind, one.args, verdict.failure.error_message)
            else:
                writer.retry_later(
                    session, one, outcome=verdict.outcome, delay_s=verdict.retry_in_s, failure=verdict.failure
                )
                self._regret(session, Entry.id == one.id)
            loglines.keep(session, [one], hold.lines if hold else {})
            self._steps.failed(session, [step.id for step in of_workflows([one])])
        self._tell([one], verdict.outcome, is_final=verdict.retry_in_s is None)
        level = log.info if verdict.outcome in QUIET else log.warning
        level(
            "attempt ended",
            extra={
                "job": one.uid,
                "kind": one.kind,
                "attempt": one.attempt,
                "outcome": str(verdict.outcome),
                "error": verdict.failure.error_message,
                "retry_in_s": verdict.retry_in_s,
                "request_id": one.request_id,
            },
        )


def _refuse_what_cannot_be_kept(result: Any) -> None:
    """Trying again would bring the same result, so there is no other try."""
    if result is not None:
        try:
            control.measured(result, LARGEST_RESULT)
        except ValueError as error:
            raise GiveUp(f"Its result cannot be kept: {error}.") from None
