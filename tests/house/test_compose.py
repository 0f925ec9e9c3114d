"""docker-compose.yml, Dockerfile, prometheus.yml and the systemd units say what bin/, the queues and the settings say.

No Docker engine runs these tests: what can be wrong without one is looked at here.
"""

import configparser
import ipaddress
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import create_app
from app.config import ROOT, Config, declared
from app.queues import Queue

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["web", "worker", "scheduler", "migrate"]
SCRAPED: dict[str, Any] = yaml.safe_load((ROOT / "prometheus.yml").read_text())
SETTINGS = {one.name: one for one in declared()}
SECRETS = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY", "METRICS_TOKEN"}
KEY = "k7Jq2vX9pL4mN8rT1wZ5yB3cD6fG0hSa"
PROFILES = {
    "monitoring": ["prometheus", "alertmanager", "grafana"],
    "mail": ["mail"],
    "tls": ["proxy"],
}
READ_BY_COMPOSE_ALONE = {"PUBLIC_HOST": "localhost"}
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def drain_s() -> int:
    found = re.search(r"--worker-shutdown-timeout (\d+)", (ROOT / "bin" / "worker").read_text())
    assert found is not None
    return int(found[1]) // 1000


def test_the_services_are_all_there() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert always == {"web", "worker", "scheduler", "migrate", "postgres", "redis"}
    for profile, names in PROFILES.items():
        assert [name for name, service in SERVICES.items() if service.get("profiles") == [profile]] == names
    assert always | {name for names in PROFILES.values() for name in names} == set(SERVICES)


def test_nothing_that_always_runs_needs_what_a_profile_brings() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}
    needed = {other for name in always for other in SERVICES[name].get("depends_on", {})}
    assert needed
    assert needed - always == set()


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_our_doors_without_a_shell(name: str) -> None:
    assert SERVICES[name]["command"] == [f"bin/{name}"]
    assert (ROOT / "bin" / name).stat().st_mode & 0o111


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_runs_as_root(name: str) -> None:
    assert str(SERVICES[name]["user"]).partition(":")[0] not in {"0", "root", ""}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_every_service_that_stays_has_a_health_check_in_exec_form(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert seconds(check["timeout"]) <= seconds(check["interval"])


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_one_that_is_read(name: str) -> None:
    given = set(SERVICES[name]["environment"])
    assert given - SETTINGS.keys() - READ_BY_COMPOSE_ALONE.keys() == {"PROMETHEUS_MULTIPROC_DIR"}


@pytest.mark.parametrize("name", OURS)
def test_every_setting_reaches_the_application(name: str) -> None:
    needless = {
        "web": {"METRICS_PORT", "HEALTH_URL"},
        "worker": {"PORT", "HEALTH_URL"},
        "scheduler": {"PORT"},
        "migrate": {"HOST", "PORT", "METRICS_PORT", "HEALTH_URL"},
    }
    environment = SERVICES[name]["environment"]
    assert SETTINGS.keys() - environment.keys() == needless[name]
    told = {setting: f"what {setting} is" for setting in SETTINGS}
    found = {setting: interpolated(environment[setting], told) for setting in SETTINGS if setting in environment}
    of_compose = {"DATABASE_URL", "REDIS_URL", "DATA_DIR", "HOST", "PORT", "METRICS_PORT", "HEALTH_URL"}
    arrived = {setting: value for setting, value in found.items() if setting not in of_compose}
    assert arrived == {setting: told[setting] for setting in arrived} | {
        "TRUSTED_HOSTS": f"web,{told['TRUSTED_HOSTS']}"
    }


@pytest.mark.parametrize("name", ["web", "worker", "scheduler"])
def test_who_calls_mail_servers_and_webhooks_can_reach_them(name: str) -> None:
    assert {"inside", "outside"} - set(SERVICES[name]["networks"]) == set()
    assert COMPOSE["networks"]["outside"] == {}


def interpolated(text: str, given: Mapping[str, str]) -> str:
    """The text as compose reads it, from the inside out."""

    def value(found: re.Match[str]) -> str:
        name, mark, word = found.groups()
        known = given.get(name, "")
        return {":-": known or word, ":?": known, ":+": word if known else ""}[mark]

    while (after := re.sub(r"\$\{([A-Z_]+)(:[-?+])([^${}]*)\}", value, text)) != text:
        text = after
    return text


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("trusted", ["", "metronome.example.org"])
def test_every_value_is_one_that_is_understood(name: str, trusted: str, tmp_path: Path) -> None:
    given = {**dict.fromkeys(SECRETS, KEY), "TRUSTED_HOSTS": trusted}
    environment = {key: interpolated(value, given) for key, value in SERVICES[name]["environment"].items()}
    del environment["PROMETHEUS_MULTIPROC_DIR"]
    config = Config.from_env({**environment, "DATA_DIR": str(tmp_path)})
    assert config.database_url == f"postgresql+psycopg2://metronome:{KEY}@postgres:5432/metronome"
    assert config.redis_url == f"redis://:{KEY}@redis:6379/0"
    assert config.trusted_hosts == (("web", trusted) if trusted else ())


def test_every_default_is_the_default_or_left_to_the_application() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    defaults = {name: word for name, word in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", text) if word}
    known = READ_BY_COMPOSE_ALONE | {name: one.default for name, one in SETTINGS.items()}
    assert defaults == {name: known[name] for name in defaults}


def test_what_nobody_set_is_as_on_a_bare_machine(tmp_path: Path) -> None:
    environment = {
        key: interpolated(value, dict.fromkeys(SECRETS, KEY)) for key, value in SERVICES["web"]["environment"].items()
    }
    del environment["PROMETHEUS_MULTIPROC_DIR"]
    inside = Config.from_env({**environment, "DATA_DIR": str(tmp_path)})
    bare = Config.from_env({"DATA_DIR": str(tmp_path)})
    others = [name.lower() for name in SETTINGS if getattr(inside, name.lower()) != getattr(bare, name.lower())]
    assert others == ["database_url", "redis_url", "secret_key", "host", "metrics_token"]


def test_the_sample_names_everything_that_compose_reads() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"\$\{([A-Z_]+)", text)) | {one["environment"] for one in COMPOSE["secrets"].values()}
    named = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read - named == set()


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    used = re.findall(r"\$\{([A-Z_]+)([^}]*)\}", text)
    assert {name for name, rest in used if rest.startswith(":?")} == SECRETS
    assert [name for name, rest in used if name in SECRETS and not rest.startswith(":?")] == []
    assert [name for name, rest in used if not rest] == []


def test_a_stopping_worker_gets_longer_than_it_drains() -> None:
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > drain_s() + 5


def test_everything_waits_for_the_migrations() -> None:
    for name in ("web", "worker", "scheduler"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["restart"] == "no"


def test_the_ports_are_the_ones_that_are_named() -> None:
    assert SERVICES["web"]["ports"] == [f"127.0.0.1:${{PORT:-{SETTINGS['PORT'].default}}}:8000"]
    assert SERVICES["web"]["environment"]["PORT"] == "8000"
    assert SERVICES["prometheus"]["ports"] == ["127.0.0.1:9090:9090"]
    assert SERVICES["postgres"]["expose"] == ["5432"]
    assert SERVICES["redis"]["expose"] == ["6379"]
    assert [name for name in SERVICES if "ports" in SERVICES[name]] == [
        *("web", "prometheus", "alertmanager", "grafana", "mail", "proxy"),
    ]


def test_only_the_proxy_listens_to_the_world() -> None:
    ports = {name: [str(one) for one in service.get("ports", [])] for name, service in SERVICES.items()}
    assert [name for name, some in ports.items() if any(not one.startswith("127.0.0.1:") for one in some)] == ["proxy"]


def test_the_proxy_has_the_address_that_is_told_to_be_believed() -> None:
    address = SERVICES["proxy"]["networks"]["proxied"]["ipv4_address"]
    network = ipaddress.ip_network(COMPOSE["networks"]["proxied"]["ipam"]["config"][0]["subnet"])
    assert ipaddress.ip_address(address) in network
    assert f"TRUSTED_PROXY={address}" in (ROOT / "docs" / "operations.md").read_text()
    assert "proxied" in SERVICES["web"]["networks"]
    caddyfile = (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()
    assert "reverse_proxy web:8000" in caddyfile
    for header in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"):
        assert f"header_up {header} " in caddyfile


def test_what_is_mounted_from_here_is_here() -> None:
    mounted = [
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert mounted
    assert [one for one in mounted if not (ROOT / one).exists()] == []


def test_redis_never_throws_anything_away() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


def test_every_volume_has_a_name() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in used if not name.startswith("./")} == set(COMPOSE["volumes"])


def test_the_probed_path_is_there(tmp_path: Path) -> None:
    app = create_app(Config.from_env({"DATA_DIR": str(tmp_path)}))
    paths = {rule.rule for rule in app.url_map.iter_rules()}
    probed = re.search(r"http://127\.0\.0\.1:8000(/\w+)", SERVICES["web"]["healthcheck"]["test"][-1])
    assert probed is not None
    assert {probed[1], "/metrics"} - paths == set()


def test_prometheus_scrapes_what_is_exposed() -> None:
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in SCRAPED["scrape_configs"]}
    assert targets == {"web": ["web:8000"], "worker": ["worker:9101"], "scheduler": ["scheduler:9101"]}
    for name in ("worker", "scheduler"):
        assert SERVICES[name]["environment"]["METRICS_PORT"] == "9101"
        assert SERVICES[name]["environment"]["HOST"] == "0.0.0.0"
        assert SERVICES[name]["expose"] == ["9101"]
        assert ", 9101)" in SERVICES[name]["healthcheck"]["test"][-1]
    for job in SCRAPED["scrape_configs"]:
        assert job["authorization"]["credentials_file"] == "/run/secrets/metrics_token"
    assert COMPOSE["secrets"] == {
        "metrics_token": {"environment": "METRICS_TOKEN"},
        "alerts_token": {"environment": "ALERTS_TOKEN"},
        "grafana_password": {"environment": "GRAFANA_PASSWORD"},
    }


def test_prometheus_finds_its_rules_and_its_alertmanager() -> None:
    volumes = SERVICES["prometheus"]["volumes"]
    for rules in SCRAPED["rule_files"]:
        assert (ROOT / rules).exists()
        assert f"./{rules}:/etc/prometheus/{rules}:ro" in volumes
    targets = [one["targets"] for one in SCRAPED["alerting"]["alertmanagers"][0]["static_configs"]]
    assert targets == [["alertmanager:9093"]]
    assert SERVICES["alertmanager"]["ports"] == ["127.0.0.1:9093:9093"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_promtool_understands_prometheus_yml() -> None:
    command = ["promtool", "check", "config", "--syntax-only", str(ROOT / "prometheus.yml")]
    assert subprocess.run(command, check=False, capture_output=True, text=True).returncode == 0


def test_the_image_holds_what_runs_and_no_more() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == {
        *("app", "bin", "jobs", "migrations", "static", "templates"),
        *("requirements.txt", "wsgi.py", "LICENSE"),
    }


def test_the_image_is_slim_and_not_run_by_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert [base for base in bases if not re.fullmatch(r"python:3\.1[1-9]-slim-\w+", base)] == []
    assert next(line for line in reversed(lines) if line.startswith("USER")) == "USER 10001:10001"
    assert lines[-1] == 'CMD ["bin/web"]'


def test_the_queues_of_the_worker_are_the_queues() -> None:
    served = re.search(r"--queues ((?:\w+ )+)", (ROOT / "bin" / "worker").read_text())
    assert served is not None
    assert served[1].split() == [queue.value for queue in Queue]
    assert "--queues" not in " ".join(map(str, SERVICES["worker"]["command"]))


def test_the_defaults_that_the_doors_know_are_the_defaults() -> None:
    doors = "".join((ROOT / "bin" / name).read_text() for name in ("_door", "_settings", "worker"))
    known = dict(re.findall(r"\$\(setting ([A-Z_]+) (\w+)\)", doors))
    assert known == {name: SETTINGS[name].default for name in ("DATA_DIR", "WORKERS", "WORKER_THREADS")}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_systemd_unit_runs_a_door_and_not_as_root(unit: Path) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.read(unit)
    service = parser["Service"]
    door = ROOT / service["ExecStart"].removeprefix("/opt/metronome/").split()[0]
    assert door.stat().st_mode & 0o111
    assert service["User"] == "metronome"


def test_systemd_waits_longer_than_a_worker_drains() -> None:
    text = (ROOT / "deploy" / "systemd" / "metronome-worker.service").read_text()
    found = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert found is not None
    assert int(found[1]) > drain_s() + 5


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    for unit in (ROOT / "deploy" / "systemd").iterdir():
        text = unit.read_text().replace("/opt/metronome", str(ROOT))
        name = unit.name.replace("@.", "@reports.")
        (tmp_path / name).write_text(re.sub(r"^(User|Group)=metronome$", r"\1=root", text, flags=re.MULTILINE))
    units = sorted(str(path) for path in tmp_path.iterdir())
    assert len(units) == 7
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
