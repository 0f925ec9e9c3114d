"""Building the application."""

from flask import Flask

from .config import ROOT, Config
from .db import connect
from .wiring import wire

__all__ = ["create_app"]


def create_app(config: Config, *, with_pages: bool = True) -> Flask:
    """The application with its database and its jobs; worker and scheduler do without its pages."""
    app = Flask("app", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.extensions["config"] = config
    connect(app, config.database_url, pool_size=config.db_pool_size)
    wire(app, config)
    if with_pages:
        from .mounting import mount  # noqa: PLC0415 -- slow import

        mount(app, config)
    return app
