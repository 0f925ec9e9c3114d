"""Binding jobs to a broker, a ledger and a host."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import dramatiq
from dramatiq import Worker
from flask import Flask, current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from .audit import Audit
from .bulk.desk import BulkOperations
from .crew import Crew
from .dispatch.broker import WakeUpBroker, make_broker, wake_up_actor
from .dispatch.heartbeat import Heartbeat, process_name
from .dispatch.lifecycle import Lifecycle
from .dispatch.outbox import JobRequest, new_uid, tell_unstarted, wake_at_commit, write_down, write_down_with
from .dispatch.reaper import Reaper
from .dispatch.relay import Relay
from .dispatch.runner import Runner
from .dispatch.sender import Sender
from .dispatch.telling import Regrets
from .dispatch.wear import UNWORN, Wear
from .errors import UnknownJob, WrongState
from .host import Host
from .inspector import Inspector
from .integrity import Integrity
from .ledger import allowances, audit, bulk, control, effects, kinds, lanes, mutes, reader, retention, writer
from .ledger.history import SettledJob, insert_settled
from .ledger.hot import Cause
from .ledger.models import Entry, Mute
from .ledger.reader import JobBrief
from .leftovers import Leftovers
from .log import get_logger
from .observer import Observer
from .registry import HIGHEST, LOWEST, TUNABLE, Job, JobGroup, Kinds, names_now
from .rollups import Rollups
from .schedules import shelf
from .schedules.book import ScheduleBook
from .schedules.firing import Firing
from .schedules.ticker import Sweep, Ticker
from .transactions import retrying
from .workflows.desk import Workflows

SILENT = Observer()

log = get_logger(__name__)


class Engine:
    """The job system of one host: declared jobs, their broker, their ledger."""

    def __init__(
        self,
        host: Host,
        *,
        redis_url: str | None,
        namespace: str = "dramatiq",
        lease_s: float = 12,
        heartbeat_s: float = 4,
        worn_after: Wear = UNWORN,
        version: str = "",
        observer: Observer = SILENT,
    ) -> None:
        self.host = host
        self.observer = observer
        self.jobs = Kinds()
        self.lease_s, self.heartbeat_s, self.version = lease_s, heartbeat_s, version
        self.worn_after = worn_after
        self.broker: WakeUpBroker = make_broker(redis_url, namespace=namespace, has_ready=self.has_ready)
        self.sender = Sender(self.broker.send_wake_ups)
        self.workflows = Workflows(host, self.jobs, wake=self.sender.wake, observer=observer)
        self.runner = Runner(
            host,
            self.jobs,
            self.broker,
            worker=process_name("worker"),
            lease_s=lease_s,
            observer=observer,
            steps=self.workflows,
            version=version[:40],
        )
        self._regret = Regrets(host, self.jobs)
        self.broker.is_quiet = self.runner.quiet.is_set
        self.relay = Relay(host, self.jobs, self.sender.wake, observer=observer, steps=self.workflows)
        self.reaper = Reaper(
            host, self.sender.wake, lease_s=lease_s, observer=observer, steps=self.workflows, regret=self._regret
        )
        self.inspector = Inspector(host, self.jobs, lease_s=lease_s)
        self.audit = Audit(host)
        self.crew = Crew(host)
        self.leftovers = Leftovers(host, self.broker, relay=self.relay, sender=self.sender, queues=lambda: self.queues)
        self.rollups = Rollups(host)
        self.schedules = ScheduleBook(host, self.job_named, lambda: self.queues, self.write_down)
        self.firing = Firing(host, self.job_named, self.write_down, observer, self._regret)
        self.bulk = BulkOperations(
            host,
            self.workflows,
            wake=self.sender.wake,
            observer=observer,
            enqueue=self.enqueue,
            cancel_job=self.cancel,
            regret=self._regret,
            queues=lambda: self.queues,
        )
        self.integrity = Integrity(
            host,
            relay=self.relay,
            reaper=self.reaper,
            workflows=self.workflows,
            firing=self.firing,
            rollups=self.rollups,
            known=lambda: [*self.jobs, *names_now(self.jobs)],
        )
        self._declare(self.bulk.job)
        self.broker.add_middleware(Lifecycle(self.runner, self.sender, self._heartbeat_of_worker, observer=observer))

    # -- declaring --------------------------------------------------------------------------------------------------

    def include(self, group: JobGroup, **policies: Mapping[str, Any]) -> None:
        """Take a feature's jobs in; `policies` overrides options of single jobs by their function's name."""
        for job in group:
            function_name = job.name.removeprefix(f"{group.name}.")
            self._declare(dataclasses.replace(job, **policies.get(function_name, {})))

    def tune(self, name: str, **policy: Any) -> None:
        """Change the policy of a kind from now on, in this process: how often and when it is tried again, its delay.

        Jobs that are written down already keep their number of tries.

        Raises:
            UnknownJob
            ValueError: an option is out of range, or is none that can change while jobs run
        """
        if wrong := policy.keys() - TUNABLE:
            raise ValueError(f"{name}: {', '.join(sorted(wrong))} cannot change while jobs run")
        job = self.job_named(name)
        self.jobs.declare(dataclasses.replace(job, **policy))

    def _declare(self, job: Job) -> None:
        self.jobs.declare(job)
        dramatiq.actor(
            actor_name=job.name,
            queue_name=job.queue_name,
            priority=job.priority,
            broker=self.broker,
            max_retries=job.max_retries,
            min_backoff=job.min_backoff,
            max_backoff=job.max_backoff,
            time_limit=job.time_limit,
        )(job.run)
        if wake_up_actor(job.queue_name) not in self.broker.actors:
            self._declare_wake_up(job.queue_name)

    def _declare_wake_up(self, queue: str) -> None:
        def wake_up() -> None:
            try:
                if not self.runner.drain(queue):
                    self.sender.wake(queue)
            except SQLAlchemyError as error:
                log.warning("cannot claim, the database is away", extra={"queue": queue, "error": str(error)})

        dramatiq.actor(actor_name=wake_up_actor(queue), queue_name=queue, broker=self.broker)(wake_up)

    def job_named(self, name: str) -> Job:
        """The declared job that has or had that name.

        Raises:
            UnknownJob
        """
        try:
            return self.jobs[name]
        except KeyError:
            raise UnknownJob(f"No job is called {name}.") from None

    @property
    def queues(self) -> list[str]:
        """The names of all queues that declared jobs use."""
        return sorted({job.queue_name for job in self.jobs.values()})

    # -- asking for work --------------------------------------------------------------------------------------------

    def write_down(self, session: Session, requests: Sequence[JobRequest]) -> list[str]:
        """Write jobs into the session's open transaction; their public ids. Workers hear of them at the commit.

        Raises:
            UnknownJob, BadArguments
        """
        return self._write_down(session, requests, alone=False)

    def write_down_with(
        self, session: Session, cause: Cause, request: JobRequest, *, alone: bool = False
    ) -> tuple[int, str] | None:
        """On PostgreSQL, make a row of the host's and write down the job about it with one statement; the ids of both.

        The row's id becomes the job's subject and its only argument; in the request `UNMADE` stands for it. None if no
        row was made, and if such a job takes more than one statement: then nothing is written. Workers hear of it at
        the commit; where the session's transaction is open for this `alone`, it may be committed when this returns.

        Raises:
            UnknownJob, BadArguments
        """
        known = self._checked(request)
        ahead = self.sender.wake_ahead if alone else None
        return write_down_with(session, cause, known, wake=self.sender.wake, tell=self.observer.enqueued, ahead=ahead)

    def _write_down(self, session: Session, requests: Sequence[JobRequest], *, alone: bool) -> list[str]:
        known = [self._checked(one) for one in requests]
        ahead = self.sender.wake_ahead if alone else None
        return write_down(session, known, wake=self.sender.wake, tell=self.observer.enqueued, ahead=ahead)

    def _checked(self, request: JobRequest) -> JobRequest:
        """The request for the job as this host declares it, which may differ from how its feature does.

        Raises:
            UnknownJob, BadArguments
        """
        job = self.job_named(request.job.name)
        job.check(request.args)
        if request.queue is not None:
            self.check_lane(("queue", request.queue))
        return request if job is request.job else dataclasses.replace(request, job=job)

    def write_settled(self, session: Session, settled: Sequence[SettledJob]) -> list[str]:
        """Write jobs into the session's open transaction that are over already; their public ids. Nobody runs them.

        Raises:
            UnknownJob
        """
        jobs = [self.job_named(kind) for kind in {one.kind for one in settled}]
        policies = {
            job.name: {"queue": job.queue_name, "priority": job.priority, "max_retries": job.max_retries}
            for job in jobs
        }
        uids = [new_uid() for _ in settled]
        if settled:
            insert_settled(session, settled, uids=uids, policies=policies)
        return uids

    @retrying
    def retry(self, uid: str, *, by: str | None, reason: str | None = None) -> None:
        """Make a dead, parked or cancelled job ready again.

        Raises:
            NoSuchJob, WrongState
        """
        with self.host.transaction() as session:
            before = audit.standing_of(session, uid)
            queue = writer.retry(session, uid, by=by)
            self.workflows.retried_by_uid(session, uid)
            audit.of_job(session, uid, "retry", by=by, is_operator=self.host.allow("act"), before=before, reason=reason)
        self.sender.wake(queue)

    @retrying
    def enqueue(self, request: JobRequest) -> str:
        """Write one job into the transaction that is open, or into one of its own; its public id.

        Raises:
            UnknownJob, BadArguments
        """
        alone = not self.host.in_transaction()
        with self.host.transaction() as session:
            return self._write_down(session, [request], alone=alone)[0]

    @retrying
    def cancel(self, uid: str, *, by: str | None, if_running: bool = True, reason: str | None = None) -> bool:
        """Cancel a job: at once while it waits (True), by asking it to end while it runs (False).

        What was asked and ends by itself before it hears of it has ended by itself: exactly one of the two wins. Unless
        `if_running`, only what waits is cancelled.

        Raises:
            NoSuchJob, WrongState: it has settled already, or runs and shall go on.
        """
        with self.host.transaction() as session:
            before = audit.standing_of(session, uid)
            is_done = self._cancel(session, uid, by=by, if_running=if_running)
            audit.of_job(
                session, uid, "cancel", by=by, is_operator=self.host.allow("act"), before=before, reason=reason
            )
            return is_done

    def _cancel(self, session: Session, uid: str, *, by: str | None, if_running: bool) -> bool:
        if if_running and control.request_cancel(session, uid, by=by):
            return False
        try:
            writer.cancel(session, uid, by=by)
        except WrongState:  # it may have started between the two statements
            if not (if_running and control.request_cancel(session, uid, by=by)):
                raise
            return False
        ids = session.scalars(select(Entry.id).where(Entry.uid == uid)).all()
        tell_unstarted(session, self.observer, "cancelled", ids)
        self.workflows.failed(session, ids)
        self._regret(session, Entry.uid == uid)
        return True

    @retrying
    def reprioritise(self, uid: str, priority: int, *, by: str | None, reason: str | None = None) -> None:
        """Change the priority of a job that waits.

        Raises:
            ValueError, NoSuchJob, WrongState
        """
        if not HIGHEST <= priority <= LOWEST:
            raise ValueError(f"priority must be between {HIGHEST} and {LOWEST}")
        with self.host.transaction() as session:
            values = control.reprioritised(session, Entry.uid == uid, priority)
            self._change(uid, "reprioritise", values, what=f"priority {priority}", by=by, reason=reason)

    def reschedule(self, uid: str, run_at: datetime, *, by: str | None, reason: str | None = None) -> None:
        """Change when a job that waits may start.

        Raises:
            NoSuchJob, WrongState
        """
        values = {"state": control.SCHEDULED_UNLESS_BLOCKED, "run_at": run_at}
        what = f"run at {run_at.isoformat()}"
        self._change(uid, "reschedule", values, what=what, by=by, reason=reason)

    @retrying
    def move(self, uid: str, queue: str, *, by: str | None, reason: str | None = None) -> None:
        """Put a job that waits into another queue, whose workers take it from there.

        Raises:
            UnknownJob: there is no such queue.
            NoSuchJob, WrongState
        """
        self.check_lane(("queue", queue))
        with self.host.transaction() as session:
            lanes.welcome(session, [(queue, self.inspector.job(uid).kind)])
            values = control.moved(session, Entry.uid == uid, queue)
            self._change(uid, "move", values, what=f"queue {queue}"[:40], by=by, reason=reason)

    @retrying
    def _change(
        self, uid: str, action: str, values: Mapping[str, Any], *, what: str, by: str | None, reason: str | None
    ) -> None:
        with self.host.transaction() as session:
            before = audit.standing_of(session, uid)
            queue = control.change_waiting(session, uid, values, what=what, by=by)
            audit.of_job(session, uid, action, by=by, is_operator=self.host.allow("act"), before=before, reason=reason)
            wake_at_commit(session, self.sender.wake, {queue: 1})

    # -- errors -----------------------------------------------------------------------------------------------------

    @retrying
    def mute(self, fingerprint: str, *, by: str | None, reason: str | None = None) -> None:
        """Have an error hidden until another version of the host runs.

        Raises:
            NoSuchError: no job has it
        """
        with self.host.transaction() as session:
            before = self._mute_of(session, fingerprint)
            mutes.mute(session, fingerprint, version=self.version[:40], by=by, reason=reason)
            details = {"before": before, "after": self._mute_of(session, fingerprint), "reason": reason}
            audit.append(session, by=by, action="mute", subject=f"error {fingerprint}", details=details)

    @retrying
    def unmute(self, fingerprint: str, *, by: str | None, reason: str | None = None) -> bool:
        """Have an error shown again; whether it was hidden."""
        with self.host.transaction() as session:
            before = self._mute_of(session, fingerprint)
            was_muted = mutes.unmute(session, fingerprint)
            if was_muted:
                details = {"before": before, "after": self._mute_of(session, fingerprint), "reason": reason}
                audit.append(session, by=by, action="unmute", subject=f"error {fingerprint}", details=details)
            return was_muted

    def _mute_of(self, session: Session, fingerprint: str) -> dict[str, Any]:
        """How an error stands, as the audit log tells it."""
        held = mutes.muted(session, version=self.version[:40]).get(fingerprint)
        return {"is_muted": held is not None, **({"version": held.version, "by": held.muted_by} if held else {})}

    def muted(self) -> Mapping[str, Mute]:
        """By fingerprint, who hid which errors, and why."""
        return mutes.muted(self.host.reading(), version=self.version[:40])

    # -- pauses and limits ------------------------------------------------------------------------------------------

    @retrying
    def pause(self, key: lanes.Key, *, by: str | None, reason: str | None, until: datetime | None = None) -> None:
        """Let nothing more start in a queue ("queue", name) or of a kind ("kind", name), for good or until then.

        Workers know within a second; what runs goes on.

        Raises:
            UnknownJob: there is no such queue or kind.
        """
        self.check_lane(key)
        with self.host.transaction() as session:
            before = _pause_of(session, key)
            lanes.pause(session, key, by=by, reason=reason, until=until)
            details = {"before": before, "after": _pause_of(session, key), "reason": reason}
            audit.append(session, by=by, action="pause", subject=" ".join(key), details=details)

    @retrying
    def resume(self, key: lanes.Key, *, by: str | None = None, reason: str | None = None) -> bool:
        """Let jobs start there again; whether it was paused."""
        self.check_lane(key)
        with self.host.transaction() as session:
            before = _pause_of(session, key)
            was_paused = lanes.resume(session, key)
            if was_paused:
                details = {"before": before, "after": _pause_of(session, key), "reason": reason}
                audit.append(session, by=by, action="resume", subject=" ".join(key), details=details)
            queues = {*self._queues_of(key), *lanes.queues_of_guest(session, key[1] if key[0] == "kind" else "")}
            wake_at_commit(session, self.sender.wake, dict.fromkeys(sorted(queues), 1))
            return was_paused

    @retrying
    def limit(self, key: lanes.Key, limits: lanes.Limits, *, by: str | None = None, reason: str | None = None) -> None:
        """Decide how many jobs may run at a time there, and how many may start in a while.

        Raises:
            UnknownJob: there is no such queue or kind.
        """
        self.check_lane(key)
        with self.host.transaction() as session:
            held = lanes.all_of(session).get(key)
            before = dataclasses.asdict(held.limits if held else lanes.Limits())
            lanes.limit(session, key, limits)
            details = {"before": before, "after": dataclasses.asdict(limits), "reason": reason}
            audit.append(session, by=by, action="limit", subject=" ".join(key), details=details)

    def decided(self) -> dict[lanes.Key, lanes.LaneLook]:
        """Every queue and kind that something was decided about."""
        return lanes.all_of(self.host.reading())

    def check_lane(self, key: lanes.Key) -> None:
        """Return when there is such a queue or kind.

        Raises:
            UnknownJob
        """
        if not self._queues_of(key):
            raise UnknownJob(f"There is no {key[0]} called {key[1]}.")

    def _queues_of(self, key: lanes.Key) -> list[str]:
        scope, name = key
        return sorted(
            {job.queue_name for job in self.jobs.values() if name == (job.queue_name, job.name)[scope == "kind"]}
        )

    def latest_for(self, subject_kind: str, subject_ids: Sequence[int]) -> dict[int, JobBrief]:
        """The newest job about each of the subjects that has one."""
        return reader.latest_for(self.host.reading(), subject_kind, subject_ids)

    # -- running by the clock ---------------------------------------------------------------------------------------

    def sweeps(
        self,
        *,
        reap_every_s: float = 5,
        keep_s: float = 30 * 86_400,
        keep_failed_s: float | None = None,
        keep_results_s: float | None = None,
    ) -> list[Sweep]:
        """What the engine itself needs to have run by the clock.

        What a job came to is kept for `keep_results_s`, as long as the job if there is none.
        """
        sweeps = [
            Sweep("promote due jobs", 1, self.relay.promote),
            Sweep("fire due schedules", 1, self.firing.fire_due),
            Sweep("top up wake-ups", 2, self.relay.top_up),
            Sweep("expire jobs that were not started in time", 5, self.relay.expire),
            Sweep("raise jobs that wait long", 30, self.relay.age),
            Sweep("rescue expired leases", reap_every_s, self.reaper.reap),
            Sweep("reconcile workflows", 60, self.workflows.reconcile),
            Sweep("count the history", 10, self.rollups.keep),
            Sweep("prune settled jobs", 60, lambda: self.prune(keep_s=keep_s, keep_failed_s=keep_failed_s)),
        ]
        if keep_results_s is not None:
            sweeps.append(Sweep("let old results go", 60, partial(self.let_results_go, keep_s=keep_results_s)))
        return sweeps

    def prune(self, *, keep_s: float, keep_failed_s: float | None = None, most: int = 50) -> int:
        """Forget jobs that settled longer ago than this, in small transactions; how many.

        Those that failed for good go after `keep_failed_s`, as all others if there is none.
        """
        total = 0
        for _ in range(most):
            with self.host.inside(), self.host.transaction() as session:
                count = retention.prune(session, older_than_s=keep_s, failed_older_than_s=keep_failed_s)
                retention.forget_silent_workers(session, older_than_s=3_600)
                effects.forget(session, older_than_s=keep_s)
                bulk.forget(session, older_than_s=keep_s)
                allowances.forget(session)
                shelf.prune_fires(session, older_than_s=keep_s, limit=retention.AT_ONCE)
            total += count
            if count < retention.AT_ONCE:
                break
        self.workflows.prune(older_than_s=keep_s)
        return total

    def let_results_go(self, *, keep_s: float, most: int = 50) -> int:
        """Forget what jobs came to that ended longer ago than this, in small transactions; of how many.

        The jobs stay, and say since when it is gone; so do the results that a workflow may still need.
        """
        total = 0
        for _ in range(most):
            with self.host.inside(), self.host.transaction() as session:
                count = retention.let_results_go(session, older_than_s=keep_s, limit=retention.AT_ONCE)
            total += count
            if count < retention.AT_ONCE:
                break
        return total

    def tick(self, sweeps: Sequence[Sweep]) -> None:
        """Run the sweeps by the clock until this process is told to stop."""
        ticker = Ticker(sweeps, self.observer)
        heartbeat = self._heartbeat("scheduler", process_name("scheduler"), queues=[], sweeps=ticker.told)
        heartbeat.start()
        try:
            ticker.run()
        finally:
            heartbeat.end()
            self.sender.flush()

    # -- inside -----------------------------------------------------------------------------------------------------

    def has_ready(self, queue: str) -> bool:
        """Whether a worker of this build would find something to claim in the queue; no, while the database is away."""
        try:
            with self.host.inside():
                return reader.has_ready(self.host.reading(), queue, self.runner.claimable(queue))
        except SQLAlchemyError as error:
            log.debug("cannot look into the ledger", extra={"queue": queue, "error": str(error)})
            return False

    def _heartbeat_of_worker(self, worker: Worker) -> Heartbeat:
        queues = sorted(worker.consumer_whitelist or self.queues)
        self.tell_kinds()
        return self._heartbeat("worker", self.runner.worker, queues=queues, threads=worker.worker_threads)

    def tell_kinds(self) -> None:
        """Write down what this build can run, for people and for other builds to see; the database may be away."""
        told = [{"name": one.name, "queue": one.queue_name, "told": one.told()} for one in self.jobs.values()]
        try:
            with self.host.inside(), self.host.transaction(durable=False) as session:
                kinds.tell(session, told, version=self.version)
        except SQLAlchemyError as error:
            log.warning("could not tell which kinds there are", extra={"error": str(error)})

    def _heartbeat(self, role: str, name: str, *, queues: Sequence[str], **told: Any) -> Heartbeat:
        return Heartbeat(
            self.host,
            name=name,
            role=role,
            queues=queues,
            version=self.version,
            lease_s=self.lease_s,
            interval_s=self.heartbeat_s,
            running=self.runner.running if role == "worker" else {},
            is_worn=lambda: role == "worker" and self.worn_after.holds(jobs=self.runner.settled),
            sees_redis=self.broker.is_reachable,
            quiet=self.runner.quiet,
            time_out=self.runner.time_out,
            give_back=self.runner.give_back,
            settle_doubts=self.runner.settle_doubts,
            **told,
        )


def _pause_of(session: Session, key: lanes.Key) -> dict[str, Any]:
    """How a queue or kind stands, as the audit log tells it."""
    look = lanes.all_of(session).get(key)
    if look is None or not look.is_paused:
        return {"is_paused": False}
    return {"is_paused": True, "until": look.paused_until and look.paused_until.isoformat()}


def install(app: Flask, engine: Engine) -> None:
    """Make the engine findable from inside the application."""
    app.extensions["jobs"] = engine


def engine_of(app: Flask | None = None) -> Engine:
    """The engine installed in the application (the current one unless given)."""
    found: Engine = (app or current_app).extensions["jobs"]
    return found


def enqueue(
    job: Job,
    *values: Any,
    priority: int | None = None,
    queue: str | None = None,
    run_at: datetime | None = None,
    expires_at: datetime | None = None,
    unique: str | None = None,
    requested_by: str | None = None,
    **named_values: Any,
) -> str:
    """Have `job(*values, **named_values)` run in the background; the job's public id.

    It joins the transaction that is open, and exists when that one commits. With `unique`, a job of this kind that
    lives under the same key stands for this one, and its id is given.

    Raises:
        UnknownJob, BadArguments
    """
    request = JobRequest(
        job,
        job.named(values, named_values),
        priority=priority,
        queue=queue,
        run_at=run_at,
        expires_at=expires_at,
        unique=unique,
        requested_by=requested_by,
    )
    return engine_of().enqueue(request)
