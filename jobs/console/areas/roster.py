"""Whether anybody works: what every page of the console says in red when nobody does."""

import time

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from jobs.ledger import census

from .desk import Desk

KEPT_S = 3.0


class Roster:
    """Whether a worker lives, asked of the database at most every three seconds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._until = 0.0
        self._has_worker = True

    def has_worker(self) -> bool:
        """Whether one was heard of within the length of a lease, as it was at most three seconds ago."""
        if time.monotonic() >= self._until:
            self._has_worker = census.has_worker(self._desk.session, within_s=self._desk.engine.lease_s)
            self._until = time.monotonic() + KEPT_S
        return self._has_worker


def install(bp: Blueprint, desk: Desk) -> None:
    """Let every template of the application ask whether this engine has a worker."""
    roster = Roster(desk)

    def record(state: BlueprintSetupState) -> None:
        state.app.jinja_env.globals["console_has_worker"] = roster.has_worker
        state.app.jinja_env.globals["console_workers_page"] = f"{bp.name}.workers"

    bp.record_once(record)
