"""Every page, endpoint and command, mounted on the application."""

from collections.abc import Mapping
from typing import Any, cast

from flask import Flask, url_for

from jobs import engine_of
from jobs.console import console

from . import assets, cli, compression, headers, maintenance, openapi, problems, security
from .accounts import api as people_api
from .accounts import queries as account_queries
from .accounts import routes as accounts
from .accounts import services as account_services
from .activities import api as activities_api
from .activities import routes as activities
from .activities import services as activity_services
from .admin import routes as admin
from .alerts import api as alerts_api
from .alerts import queries as alert_queries
from .alerts import routes as alerts
from .background import api as background_api
from .background import queries as background_queries
from .background import routes as background
from .background import services as background_services
from .background.operations import api as operations_api
from .background.schedules import api as schedules_api
from .background.workflows import api as workflows_api
from .config import Config
from .dashboard import routes as dashboard
from .errors import Invalid
from .leaderboards import api as leaderboards_api
from .leaderboards import routes as leaderboards
from .monitoring import metrics
from .monitoring import routes as monitoring
from .monitoring.events import api as events_api
from .monitoring.events import routes as events
from .monitoring.health import api as health_api
from .monitoring.health import queries as health_queries
from .monitoring.health import routes as health
from .plans import api as plans_api
from .plans import routes as plans
from .reminders import api as reminders_api
from .reminders import routes as reminders
from .reports import api as reports_api
from .reports import routes as reports
from .statistics import api as statistics_api
from .statistics import routes as statistics
from .strict_json import StrictJson
from .tuning import api as tuning_api
from .tuning import routes as tuning
from .tuning.system import api as system_api
from .tuning.system import routes as system
from .web import RowNumber
from .wiring import VERSION, Product
from .workbench import api as workbench_api
from .workbench import routes as workbench
from .workbench import services as workbench_services

PAGES = (
    *(dashboard.bp, accounts.bp, activities.bp, monitoring.bp, reports.bp, workbench.bp),
    *(statistics.bp, leaderboards.bp, plans.bp, reminders.bp),
    *(alerts.bp, events.bp, health.bp, background.bp),
    *(tuning.bp, system.bp),
)

BESIDE_THE_CONSOLE = (
    *(("Events", "events.index"), ("Health", "health.index"), ("Alerts", "alerts.index")),
    *(("Settings", "tuning.index"), ("System", "system.index")),
)
"""Pages beside the console's own. Asking for one without the right is an alert, so who may not see finds no link."""

API = (
    *(activities_api.blp, background_api.blp, operations_api.blp, schedules_api.blp, workflows_api.blp),
    *(statistics_api.blp, leaderboards_api.blp, plans_api.blp, reminders_api.blp),
    *(reports_api.blp, workbench_api.blp, workbench_api.tasks),
    *(alerts_api.blp, events_api.blp, health_api.blp, people_api.blp),
    *(tuning_api.blp, system_api.blp),
)


def mount(app: Flask, config: Config) -> None:
    """Put the web on the application; the order of the first seven is the order in which a request meets them."""
    app.json = StrictJson(app)
    app.url_map.converters["int"] = RowNumber
    headers.install(app, config)
    metrics.install(app)
    assets.install(app)
    compression.install(app)
    maintenance.install(app)
    security.install(
        app,
        config,
        by_session=account_services.recognise_session,
        by_token=account_services.recognise_token,
        rules={"console.": security.VIEWER, "admin": security.ADMIN},
    )
    maintenance.install(app)
    tuning.install(app)
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
    _mount_console(app)
    admin.install(app)
    openapi.install(app, *API, version=VERSION, bodies=workbench_services.argument_schemas)
    problems.install(app)
    app.extensions["settings_sections"] = {
        "leaderboards/_membership.html": leaderboards.section,
        "reminders/_reminders.html": reminders.section,
    }
    app.extensions["fill_demo"] = getattr(activity_services, "fill_demo", None)
    app.context_processor(lambda: {"app_version": VERSION, "environment_name": config.environment_name})
    cli.register(app)


def _refresh() -> tuple[int, bool]:
    """How often the person's pages refresh themselves, in seconds, and whether they do."""
    person = security.me()
    return person.refresh_s, person.live_updates


def _open_alerts() -> list[tuple[str, str]]:
    """What the alerts say is wrong, with where to see more, for whoever may."""
    more = url_for("alerts.index") if security.may("see") else ""
    return [(sentence, more) for sentence in alert_queries.sentences()]


def _startable() -> list[str]:
    """The kinds that the person of the request may start."""
    return [one.name for one in background_queries.kinds_for(security.me())]


def _fitting(kind: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments as they are stored, checked as the API checks them. Raises ValueError, which names the field."""
    try:
        person = security.me()
        return background_services.fitting(person, background_services.startable(person, kind), args)
    except Invalid as error:
        told = "; ".join(f"{field.removeprefix('args.')}: {said}" for field, said in error.errors.items())
        raise ValueError(f"args: {told.removesuffix('.')}") from None


def _mount_console(app: Flask) -> None:
    """The engine's console, for who may see all jobs, in our layout."""

    engine = engine_of(app)
    cast("Product", engine.host).may = security.may
    app.config["JOBS_CONSOLE_DEPENDENCIES"] = health_queries.dependencies
    app.config["JOBS_CONSOLE_LAYOUT"] = "layouts/base.html"
    app.config["JOBS_CONSOLE_TEST_JOB"] = ("workbench.debug_task", {})
    app.config["JOBS_CONSOLE_SCRIPT"] = "console.js"
    app.config["JOBS_CONSOLE_ALSO"] = lambda: BESIDE_THE_CONSOLE if security.may("see") else ()
    app.config["JOBS_CONSOLE_PROBLEMS"] = _open_alerts
    app.config["JOBS_CONSOLE_STARTABLE"] = _startable
    app.config["JOBS_CONSOLE_FITTING"] = _fitting
    app.config["JOBS_CONSOLE_API"] = "jobs_api.create"
    app.config["JOBS_CONSOLE_REFRESH"] = _refresh
    app.config["JOBS_CONSOLE_REFRESH_URL"] = "accounts.update_refresh"
    app.config["JOBS_CONSOLE_PEOPLE"] = account_queries.names_of
    app.config["JOBS_CONSOLE_REQUESTER"] = security.requester_named
    app.register_blueprint(console(engine, who=lambda: security.who(security.me())), url_prefix="/ops")
