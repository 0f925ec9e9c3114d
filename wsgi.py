"""The web's door, for any WSGI server and for the flask command."""

from app import create_app, logs
from app.config import Config

config = Config.from_env_or_exit()
logs.set_up(config)
app = create_app(config)
