"""Building the application."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from .config import Config

# Every door comes by here first. Reading the program makes very much and throws nearly nothing away: looking for
# garbage after every 700 things, as Python does, took a seventh of a start.
gc.set_threshold(20_000)


def create_app(config: Config, *, with_pages: bool = True) -> Flask:
    """The application with its database and its jobs; worker and scheduler do without its pages."""
    from flask import Flask  # noqa: PLC0415 -- slow import: the launcher and the doors read settings without it

    from .config import ROOT  # noqa: PLC0415 -- slow import
    from .db import connect  # noqa: PLC0415 -- slow import
    from .web import Address  # noqa: PLC0415 -- slow import
    from .wiring import wire  # noqa: PLC0415 -- slow import

    class Product(Flask):
        """Flask without its look at every view and hook, at every request, for coroutines: there are none."""

        url_rule_class = Address

        def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
            """As it is."""
            return func

    app = Product("app", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.extensions["config"] = app.extensions["given_config"] = config
    connect(app, config.database_url, pool_size=config.db_pool_size)
    wire(app, config)
    if with_pages:
        from .mounting import mount  # noqa: PLC0415 -- slow import

        mount(app, config)
    return app
