"""Looking at jobs and acting on them: a blueprint, and commands for the terminal (`flask jobs`, `flask queues`, …).

The pages extend the template named by the setting JOBS_CONSOLE_LAYOUT, or a plain one of their own. A layout has the
blocks `title`, `page_title`, `page_actions` and `main`. What the host needs beside the engine's own is named on the
overview when the setting JOBS_CONSOLE_DEPENDENCIES is a function that gives `Dependency`s. Whoever may act schedules
any kind, unless JOBS_CONSOLE_STARTABLE is a function that names those the person of the request may;
JOBS_CONSOLE_FITTING checks and gives back a kind's arguments, or raises ValueError. Who did something is shown with
their name when JOBS_CONSOLE_PEOPLE is a function that gives, of what the ledger calls people, the names it knows.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, request

from jobs.engine import Engine
from jobs.ledger.channels import Channel, enter_by
from jobs.redaction import masked_text

from . import areas, cli, routes
from .areas import places
from .areas.overview import Dependency
from .asking import Question

__all__ = ["Dependency", "Question", "console"]


def console(engine: Engine, *, who: Callable[[], str | None] = lambda: None) -> Blueprint:
    """The console of this engine, closed unless the host allows to `see`, to `act` and, for some deeds, to `manage`.

    `who` names the person of the current request; what they do is written down with the job.
    """
    bp = Blueprint("console", __name__, cli_group="jobs", template_folder=str(Path(__file__).parent / "templates"))

    @bp.before_request
    def _only_if_allowed() -> None:
        if not engine.host.allow("see") or (request.method == "POST" and not engine.host.allow("act")):
            abort(403)

    @bp.before_request
    def _by_a_page() -> None:
        enter_by(Channel.PAGE)

    @bp.teardown_request
    def _gone(_error: BaseException | None) -> None:
        enter_by(Channel.SYSTEM)

    @bp.context_processor
    def _what_pages_need() -> dict[str, Any]:
        return {"may_act": engine.host.allow("act")}

    bp.add_app_template_filter(lambda text: masked_text(text or ""), "discreet")
    routes.mount(bp, engine, who)
    areas.mount(bp, engine, who)
    places.install(bp)
    bp.cli.help = cli.JOBS_HELP
    for command in cli.JOBS:
        bp.cli.add_command(command)
    for group in cli.GROUPS:
        bp.record_once(lambda state, group=group: state.app.cli.add_command(group))  # type: ignore[misc]
    return bp
