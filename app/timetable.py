"""Everything that runs by the clock."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from jobs import Engine, Sweep

from .accounts import services as accounts
from .activities import services as activities
from .alerts import services as alerts
from .alerts.telling import services as telling
from .alerts.watch import services as watch
from .config import Config
from .leaderboards import services as leaderboards
from .monitoring import services as monitoring
from .monitoring.events import services as event_log
from .monitoring.health import services as health
from .once import forget_keys
from .reminders import services as reminders
from .reports import services as reports
from .statistics import services as statistics
from .upkeep import give_back_the_log

DAY_S = 86_400
HOUR_S = 3_600
MINUTE_S = 60
NUMBERS_S = 10
SEEN_S = 3
WATCH_S = 15
AUDIT_S = 300
STATISTICS_S = 300


def timetable(app: Flask, engine: Engine, config: Config) -> list[Sweep]:
    """Every sweep of the product and its engine; each is safe to run twice at once."""

    def inside(service: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            with app.app_context():
                service()

        return run

    requeue = Sweep(
        "requeue stuck activities",
        config.requeue_interval_s,
        inside(activities.requeue_uncounted),
        expires_s=config.requeue_expiry_s,
        pace=lambda: _requeue_pace(app.extensions["config"]),
    )
    remind = Sweep(
        "look who is to be reminded",
        config.reminders_interval_s,
        inside(reminders.send_reminders),
        pace=lambda: (app.extensions["config"].reminders_interval_s, None),
    )
    return [
        *engine.sweeps(
            reap_every_s=config.reap_interval_s,
            keep_s=config.retention_days * DAY_S,
            keep_failed_s=config.failed_are_kept_days * DAY_S,
            keep_results_s=config.result_retention_s or None,
        ),
        requeue,
        Sweep("keep the numbers", NUMBERS_S, inside(monitoring.numbers)),
        Sweep("give back the room of SQLite's log", HOUR_S, inside(give_back_the_log)),
        Sweep("look for old statistics", STATISTICS_S, inside(statistics.ask_for_old_ones)),
        Sweep("look whether leaderboards are due", MINUTE_S, inside(leaderboards.ask_when_due)),
        remind,
        Sweep("empty bins", HOUR_S, inside(activities.purge_deleted)),
        Sweep("forget idempotency keys", HOUR_S, inside(forget_keys)),
        Sweep("forget guests, sessions and links that are over", HOUR_S, inside(accounts.forget_the_gone)),
        Sweep("forget old reports", HOUR_S, inside(lambda: reports.forget_old(days=config.retention_days))),
        *_of_watching(config, inside),
    ]


def _of_watching(config: Config, inside: Callable[[Callable[[], Any]], Callable[[], None]]) -> list[Sweep]:
    """What looks whether all is well, and forgets what was seen."""
    return [
        Sweep("look how the web is", config.health_interval_s, inside(health.check)),
        Sweep("make alerts of what was seen", SEEN_S, inside(watch.watch_sightings)),
        Sweep("look for what is an alert", WATCH_S, inside(watch.watch_engine)),
        Sweep("write the files of alerts", SEEN_S, inside(telling.write_files)),
        Sweep("tell of alerts without a worker", WATCH_S, inside(telling.tell_without_worker)),
        Sweep("tell of alerts again", WATCH_S, inside(alerts.tell_again)),
        Sweep("verify the audit log once a day", AUDIT_S, inside(health.verify_audit)),
        Sweep("forget old looks at the web", HOUR_S, inside(health.forget_old)),
        Sweep("forget old events", HOUR_S, inside(lambda: event_log.forget_old(days=config.event_retention_days))),
        Sweep("forget old alerts", HOUR_S, inside(lambda: alerts.forget_old(days=config.retention_days))),
    ]


def _requeue_pace(config: Config) -> tuple[float, float]:
    """As it is set at this moment."""
    return config.requeue_interval_s, config.requeue_expiry_s
