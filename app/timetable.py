"""Everything that runs by the clock."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from jobs import Engine, Sweep

from .accounts import services as accounts
from .activities import services as activities
from .background import services as background
from .config import Config
from .monitoring import services as monitoring
from .reports import services as reports

DAY_S = 86_400
HOUR_S = 3_600
NUMBERS_S = 10


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
    return [
        *engine.sweeps(reap_every_s=config.reap_interval_s, keep_s=config.retention_days * DAY_S),
        requeue,
        Sweep("keep the numbers", NUMBERS_S, inside(monitoring.numbers)),
        Sweep("empty bins", HOUR_S, inside(activities.purge_deleted)),
        Sweep("forget idempotency keys", HOUR_S, inside(background.forget_keys)),
        Sweep("forget guests, sessions and links that are over", HOUR_S, inside(accounts.forget_the_gone)),
        Sweep("forget old reports", HOUR_S, inside(lambda: reports.forget_old(days=config.retention_days))),
    ]


def _requeue_pace(config: Config) -> tuple[float, float]:
    """As it is set at this moment."""
    return config.requeue_interval_s, config.requeue_expiry_s
