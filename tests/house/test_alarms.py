"""Alert rules, their tests, Alertmanager's file and the dashboards hold together, and ask for what there is."""

import json
import os
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from app import create_app
from app.config import ROOT, Config
from app.db import Base, db, disconnect
from jobs import metadata
from tests.house.test_docs import anchors
from tests.servers import RedisServer

DEPLOY = ROOT / "deploy"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
TESTS: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text())["tests"]
ALERTMANAGER: dict[str, Any] = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
NOT_IN_A_SCRAPE = {"up"}
"""Prometheus' own."""
NOT_WORDS_OF_OURS = {
    *("sum", "min", "max", "count", "topk", "rate", "increase", "histogram_quantile", "by", "unless", "or", "and"),
    *("offset", "label_values"),
}
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")


def metrics_in(query: str) -> set[str]:
    """The names of the metrics that a query asks for."""
    bare = re.sub(r'"[^"]*"', "", query)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\boffset \w+", " ", bare)
    bare = re.sub(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    words = set(re.findall(r"(?<![\w.$])[a-zA-Z_]\w*", bare))
    return {word for word in words - NOT_WORDS_OF_OURS if not re.fullmatch(r"e\d+", word)}


def exposed(text: str) -> set[str]:
    """The names that a scrape offers: as its samples have them, also of those that have no sample yet."""
    found: set[str] = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE):
        found |= {name, *(f"{name}_{end}" for end in ("bucket", "count", "sum"))} if kind == "histogram" else {name}
    return found


def targets(path: Any) -> list[str]:
    """Every query of a dashboard, those of its variables too."""
    board = json.loads(path.read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    names = [one["definition"].removeprefix("label_values(").split(",")[0] for one in board["templating"]["list"]]
    return [*queries, *names]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> set[str]:
    """What a real scrape of the product offers."""
    folder = tmp_path_factory.mktemp("alarms")
    app = create_app(Config.from_env({"DATA_DIR": str(folder), "REDIS_URL": redis_server.url}))
    with app.app_context():
        Base.metadata.create_all(db.engine)
        metadata.create_all(db.engine)
    app.test_client().get("/sign-in")
    answer = app.test_client().get("/metrics")
    with app.app_context():
        disconnect()
    assert answer.status_code == 200
    return exposed(answer.get_data(as_text=True)) | NOT_IN_A_SCRAPE


def test_a_query_is_taken_apart_rightly() -> None:
    query = 'sum by (queue) (rate(a_total{x="b_total"}[5m])) / max(c_seconds offset 15m) > 1e9 unless on (q) d{e=~"$f"}'
    assert metrics_in(query) == {"a_total", "c_seconds", "d"}


def test_every_rule_asks_for_what_is_exposed(scraped: set[str]) -> None:
    asked = {name for rule in RULES for name in metrics_in(rule["expr"])}
    assert len(asked) > 10
    assert asked - scraped == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_asks_for_what_is_exposed(path: Any, scraped: set[str]) -> None:
    asked = {name for query in targets(path) for name in metrics_in(query)}
    assert len(asked) > 5
    assert asked - scraped == set()


def test_there_are_three_dashboards_and_they_can_be_told_apart() -> None:
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert [board["title"] for board in boards] == ["Jobs", "People", "Web"]
    assert [board["uid"] for board in boards] == ["metronome-jobs", "metronome-people", "metronome-web"]
    for board in boards:
        ids = [panel["id"] for panel in board["panels"]]
        assert ids == sorted(set(ids))
        assert [panel["title"] for panel in board["panels"] if panel["type"] != "row" and not panel["targets"]] == []


def test_the_dashboards_ask_the_source_that_is_provisioned() -> None:
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    asked = {
        (panel["datasource"]["type"], panel["datasource"]["uid"])
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        if "datasource" in panel
    }
    assert asked == {(source["type"], source["uid"])}


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_what_is_wrong_and_where_it_is_written_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor in anchors(ROOT / file)


@needs_promtool
def test_promtool_understands_the_rules_and_their_tests_pass() -> None:
    for words in (("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")):
        done = subprocess.run(
            ["promtool", *words], cwd=DEPLOY / "prometheus", check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_silent_and_speaking() -> None:
    told = {
        test["name"]: [bool(one["exp_alerts"]) for one in test["alert_rule_test"] if one["alertname"] == test["name"]]
        for test in TESTS
    }
    assert told == {name: [False, True] for name in NAMES}


@needs_promtool
def test_promtool_understands_every_query_of_the_dashboards(tmp_path: Any) -> None:
    queries = [one for path in DASHBOARDS for one in targets(path)]
    rules = [
        {"record": "a", "expr": query.replace("$__rate_interval", "1m").replace("$__all", ".*")} for query in queries
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": str(n), "rules": [rule]} for n, rule in enumerate(rules)]}))
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint=none", str(file)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_hands_everything_to_the_product() -> None:
    receiver = ALERTMANAGER["receivers"][0]
    assert receiver["name"] == ALERTMANAGER["route"]["receiver"]
    hook = receiver["webhook_configs"][0]
    assert (hook["url"], hook["send_resolved"]) == ("http://web:8000/alerts/prometheus", True)
    assert hook["http_config"]["authorization"]["credentials_file"] == "/run/secrets/alerts_token"


def test_alertmanager_holds_back_only_alerts_that_there_are() -> None:
    matchers = [
        match for rule in ALERTMANAGER["inhibit_rules"] for match in rule["source_matchers"] + rule["target_matchers"]
    ]
    named = {name for match in matchers for name in re.search(r'"(.+)"', match)[1].split("|")}  # type: ignore[index]
    assert named
    assert named - set(NAMES) == set()


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not here")
def test_amtool_understands_alertmanager_yml() -> None:
    command = ["amtool", "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_number_that_is_exposed_is_explained_and_no_other(scraped: set[str]) -> None:
    text = (ROOT / "docs" / "metrics.md").read_text().partition("## The numbers")[2].partition("## Questions to ask")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    told = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    told_as_samples = told | {f"{name}_{end}" for name in told for end in ("bucket", "count", "sum")}
    assert sorted(scraped - NOT_IN_A_SCRAPE - told_as_samples) == []
    assert sorted(told - scraped) == []


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not here")
def test_caddy_understands_its_file() -> None:
    file = DEPLOY / "caddy" / "Caddyfile"
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(file)]
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PUBLIC_HOST": "localhost"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
