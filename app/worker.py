"""The worker's door: `dramatiq app.worker:broker`."""

from jobs import engine_of

from . import create_app, logs
from .config import Config

config = Config.from_env_or_exit()
logs.set_up(config)
broker = engine_of(create_app(config, with_pages=False)).broker
