"""Every page, endpoint and command, mounted on the application."""

from flask import Flask

from . import cli
from .config import Config


def mount(app: Flask, config: Config) -> None:
    """Put the web on the application."""
    cli.register(app)
