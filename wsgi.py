"""The web's door, for any WSGI server and for the flask command."""

from click import get_current_context

from app import create_app, logs
from app.config import Config
from app.doorstep import enter
from app.monitoring.events.services import recorder_of
from app.tuning.services import follow
from jobs import engine_of

command = get_current_context(silent=True)
is_server = command is None or command.info_name == "run"
if is_server:
    config = enter()
else:
    config = Config.from_env_or_exit()
    logs.set_up(config)
app = create_app(config)

# A command of the terminal has ended before anybody changes a setting, and what it did is told by who it did it for.
if command is None:
    recorder_of(app).start("web", version=engine_of(app).version)
if is_server:
    follow(app)
