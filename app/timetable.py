"""Everything that runs by the clock."""

from flask import Flask

from jobs import Engine, Sweep

from .activities import services as activities
from .config import Config

DAY_S = 86_400
HOUR_S = 3_600


def timetable(app: Flask, engine: Engine, config: Config) -> list[Sweep]:
    """Every sweep of the product and its engine; each is safe to run twice at once."""

    def requeue() -> None:
        with app.app_context():
            activities.requeue_uncounted()

    def empty_bins() -> None:
        with app.app_context():
            activities.purge_deleted()

    return [
        *engine.sweeps(reap_every_s=config.reap_interval_s, keep_s=config.retention_days * DAY_S),
        Sweep("requeue stuck activities", config.requeue_interval_s, requeue, expires_s=config.requeue_expiry_s),
        Sweep("empty bins", HOUR_S, empty_bins),
    ]
