"""The web's door, for any WSGI server and for the flask command."""

import click

from app import create_app, logs
from app.config import Config
from app.monitoring.events.services import recorder_of
from jobs import engine_of

config = Config.from_env_or_exit()
logs.set_up(config)
app = create_app(config)
if click.get_current_context(silent=True) is None:  # a server, and no command
    recorder_of(app).start("web", version=engine_of(app).version)
