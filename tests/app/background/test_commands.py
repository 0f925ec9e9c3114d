"""The engine's commands in the product, and the page that tells of them."""

from __future__ import annotations

import re
from pathlib import Path

import click
from flask import Flask

PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"
GROUPS = ("jobs", "queues", "kinds", "workers", "schedules", "workflows")


def commands_of(app: Flask) -> dict[str, click.Command]:
    """Every command of the engine, by what is typed."""
    found: dict[str, click.Command] = {}
    for name in GROUPS:
        group = app.cli.commands[name]
        assert isinstance(group, click.Group)
        found |= {f"{name} {word}": command for word, command in group.commands.items()}
    return found


def test_the_page_has_an_example_of_every_command(app: Flask) -> None:
    shown = re.findall(r"^\$ flask (\w+ \w+)", PAGE.read_text(), flags=re.MULTILINE)
    assert {one for one in shown if one.split()[0] in GROUPS} == set(commands_of(app))


def test_each_says_what_it_does(app: Flask) -> None:
    silent = [typed for typed, command in commands_of(app).items() if not (command.help or "").strip().endswith(".")]
    assert silent == []
    told = app.test_cli_runner().invoke(args=["queues", "limit", "--help"])
    assert (told.exit_code, "How many may run at a time." in told.output) == (0, True)


def test_they_work_on_the_product(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    uid = run(args=["jobs", "run", "workbench.add", "--arg", "x=2", "--arg", "y=3"]).stdout.strip()
    assert uid in run(args=["jobs", "list"]).output
    assert run(args=["queues", "pause", "default"]).output == "default paused\n"
    assert "by command line: no reason given" in run(args=["queues", "list"]).output
    refused = run(args=["jobs", "run", "workbench.add", "--arg", "x=2"])
    assert (refused.exit_code, refused.output) == (1, "Error: workbench.add: y is missing; it must be a number\n")
