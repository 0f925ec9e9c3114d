"""The one place that knows what follows from what: job groups, followers, and who hears when a job gives up."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from jobs import Engine, Job, Wear, install

from . import db, stream
from .activities import actors as activities
from .activities import services as activity_services
from .alerts.metrics import Raised
from .alerts.telling import actors as alerts
from .background.services import Check
from .config import Config
from .events import (
    ActivityLogged,
    AlertRaised,
    Followers,
    LeaderboardsOutdated,
    MetChanged,
    PlanRequested,
    ReminderDue,
    ReportRequested,
    StatisticsOutdated,
)
from .leaderboards import actors as leaderboards
from .monitoring.events import services as event_log
from .monitoring.health.models import HealthCheck, HealthPart
from .monitoring.observer import Teller
from .plans import actors as plans
from .plans import services as plan_services
from .reminders import actors as reminders
from .reports import actors as reports
from .reports import services as report_services
from .statistics import actors as statistics
from .workbench import actors as workbench
from .workbench import kinds as workbench_kinds
from .workbench import services as workbench_services

VERSION = "0.1.0"

FOLLOWERS: Followers = {
    ActivityLogged: (activities.count_calories,),
    MetChanged: (activities.recalculate_kind,),
    ReportRequested: (reports.build,),
    PlanRequested: (plans.make_workout_plan,),
    AlertRaised: (alerts.tell_people,),
    StatisticsOutdated: (statistics.user_statistics,),
    LeaderboardsOutdated: (leaderboards.update_leaderboards,),
    ReminderDue: (reminders.remind,),
}

FOR_PEOPLE: Mapping[str, Check] = {
    kind.job_name: workbench_services.checker(kind)
    for kind in workbench_kinds.ALL
    if not (kind.is_for_staff or kind.is_flow)
} | {f"{workbench_kinds.WORKBENCH}.{name}": workbench_services.as_given for name in workbench_kinds.STEPS}
"""The kinds of job that people may start by themselves, each with what checks its arguments."""

FOR_STAFF: Mapping[str, Check] = {
    kind.job_name: workbench_services.checker(kind) for kind in workbench_kinds.ALL if kind.is_for_staff
}
"""The kinds of the workbench that only admins start, as they start every kind that is not for people."""

WHEN_A_JOB_GIVES_UP: Mapping[Job, Callable[..., None]] = {
    activities.count_calories: activity_services.could_not_count,
    reports.build: report_services.could_not_build,
    plans.make_workout_plan: plan_services.could_not_make,
}


TABLES_OF_NO_JOB = (HealthCheck, HealthPart)
"""Named here, so that whoever makes or migrates a database knows them, too."""


class Product:
    """What the engine asks of its host, answered by this application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._listeners = {job.name: (job, listener) for job, listener in WHEN_A_JOB_GIVES_UP.items()}
        self.may: Callable[[str], bool] = lambda _action: False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Inside the application's context; one that is there already is kept."""
        with self._app.app_context():
            yield

    def transaction(self, *, durable: bool = True) -> Any:
        """The product's own transaction, which everything in it joins."""
        return db.transaction(durable=durable)

    def in_transaction(self) -> bool:
        """Whether the product's transaction is open."""
        return db.in_transaction()

    def reading(self) -> Session:
        """Where the product's queries read."""
        return db.reading()

    def gave_up(self, kind: str, args: Mapping[str, Any], reason: str) -> None:
        """Let the feature note it on its own rows."""
        job, listener = self._listeners.get(kind, (None, None))
        if job is None or listener is None:
            return
        if job.is_batched:  # it has one argument, whose name it may have been given as one or as many
            listener(*args.values(), reason=reason)
        else:
            listener(**args, reason=reason)

    def allow(self, action: str) -> bool:
        """Ask whoever knows the person of this request."""
        return self.may(action)


def wire(app: Flask, config: Config) -> Engine:
    """Give the application its job engine, with every feature's jobs in it."""
    observer = Teller(stream.install(app))
    event_log.install(app, config, observer.events)
    app.extensions["alerts_raised"] = Raised(observer.registry)
    engine = Engine(
        Product(app),
        redis_url=config.redis_url,
        namespace="metronome",
        lease_s=config.lease_s,
        heartbeat_s=config.heartbeat_s,
        worn_after=Wear(jobs=config.worker_max_jobs or None, memory_mib=config.worker_max_memory_mib),
        version=VERSION,
        observer=observer,
    )
    engine.include(
        activities.group,
        count_calories={
            "batch_size": config.activity_batch_size,
            "time_limit": config.activity_time_limit_s * 1000,
            **_changing(config),
        },
    )
    engine.include(reports.group)
    engine.include(plans.group)
    engine.include(statistics.group)
    engine.include(leaderboards.group)
    engine.include(reminders.group)
    engine.include(alerts.group)
    engine.include(workbench.group)
    install(app, engine)
    app.extensions |= {"followers": FOLLOWERS, "for_people": FOR_PEOPLE, "for_staff": FOR_STAFF}
    app.extensions["when_tuned"] = lambda tuned: engine.tune(activities.count_calories.name, **_changing(tuned))
    return engine


def _changing(config: Config) -> dict[str, int]:
    """What of the policy of calculations may change while they run."""
    return {
        "max_retries": config.activity_max_retries,
        "min_backoff": config.activity_retry_delay_s * 1000,
        "max_backoff": max(3_600, config.activity_retry_delay_s) * 1000,
        "slow_down": int(config.activity_delay_s * 1000),
    }
