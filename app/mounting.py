"""Every page, endpoint and command, mounted on the application."""

from flask import Flask

from . import assets, cli, compression, headers, openapi, problems, security
from .accounts import routes as accounts
from .accounts import services as account_services
from .activities import api as activities_api
from .activities import routes as activities
from .activities import services as activity_services
from .config import Config
from .dashboard import routes as dashboard
from .monitoring import metrics
from .monitoring import routes as monitoring
from .strict_json import StrictJson
from .wiring import VERSION

PAGES = (dashboard.bp, accounts.bp, activities.bp, monitoring.bp)


def mount(app: Flask, config: Config) -> None:
    """Put the web on the application; the order of the first seven is the order in which a request meets them."""
    app.json = StrictJson(app)
    headers.install(app, config)
    metrics.install(app)
    assets.install(app)
    compression.install(app)
    security.install(
        app,
        config,
        by_session=account_services.recognise_session,
        by_token=account_services.recognise_token,
    )
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
    openapi.install(app, activities_api.blp, version=VERSION)
    problems.install(app)
    app.extensions["fill_demo"] = getattr(activity_services, "fill_demo", None)
    app.context_processor(lambda: {"app_version": VERSION, "environment_name": config.environment_name})
    cli.register(app)
