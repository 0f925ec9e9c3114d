"""Settings: what is documented, what is read, and what is refused."""

import re
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from app.config import ROOT, Config, ConfigError, declared

KEY = "k7Jq2vX9pL4mN8rT1wZ5yB3cD6fG0hSa"


def read(tmp_path: Path, **environ: str) -> Config:
    return Config.from_env({"DATA_DIR": str(tmp_path), "SECRET_KEY": KEY, **environ})


def test_env_example_documents_every_setting_with_its_default_in_the_order_of_config() -> None:
    text = (ROOT / ".env.example").read_text().partition("## Read by docker compose alone")[0]
    documented = re.findall(r"^# (.+)\n#([A-Z_]+)=(.*)$", text, re.MULTILINE)
    assert documented == [(one.says, one.name, one.default) for one in declared()]


def test_env_example_as_it_is_changes_nothing(tmp_path: Path) -> None:
    example = Config.from_env({"DATA_DIR": str(tmp_path), "SECRET_KEY": KEY}, dotenv=ROOT / ".env.example")
    assert example == read(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "８０００"),
        ("PORT", "8_000"),
        ("PORT", "eight"),
        ("HOST", "not a host"),
        ("DATABASE_URL", "mysql://ada:hunter2@db/metronome"),
        ("DATABASE_URL", "postgresql://ada@db:port/metronome"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("REDIS_URL", "http://cache:6379"),
        ("SECRET_KEY", "too short"),
        ("SECRET_KEY", "changeme" * 5),
        ("SECRET_KEY", "a" * 40),
        ("PAGE_SIZE", "11"),
        ("POLL_PACE_S", "0.4"),
        ("POLL_PACE_S", "nan"),
        ("ACTIVITY_DELAY_S", "-1"),
        ("ACTIVITY_MAX_RETRIES", "three"),
        ("SIGN_UP_OPEN", "perhaps"),
        ("LOG_LEVEL", "chatty"),
        ("TRUSTED_PROXY", "proxy.example.org"),
        ("PUBLIC_URL", "ftp://example.org"),
        ("HEARTBEAT_S", "1000"),
        ("REQUEUE_EXPIRY_S", "301"),
        ("METRONOME_PORT", "8000"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_in_one_sentence_that_names_it(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, **{name: value})
    sentence = str(refusal.value)
    assert sentence.startswith(f"{name} ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("name", ["DATABASE_URL", "SECRET_KEY", "REDIS_URL"])
def test_a_refusal_never_shows_a_secret(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, **{name: "hunter2://"})
    assert "hunter2" not in str(refusal.value)


def test_a_config_never_shows_a_secret(tmp_path: Path) -> None:
    config = read(tmp_path, DATABASE_URL="postgresql://ada:hunter2@db/metronome", METRICS_TOKEN="hunter3")
    assert [secret for secret in ("hunter", KEY) if secret in repr(config)] == []


def test_an_unknown_name_in_dotenv_is_refused(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("PROT=8000\n")
    with pytest.raises(ConfigError, match=r"^PROT is not a setting"):
        Config.from_env({"DATA_DIR": str(tmp_path)}, dotenv=dotenv)


@pytest.mark.parametrize(("days", "kept"), [("30", 90), ("365", 365)])
def test_what_failed_is_never_kept_for_less_time_than_the_rest(tmp_path: Path, days: str, kept: int) -> None:
    assert read(tmp_path, RETENTION_DAYS=days).failed_are_kept_days == kept


def test_the_environment_wins_over_dotenv(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text('PORT=8001\nPAGE_SIZE="25"\nPOSTGRES_PASSWORD=for-compose\n')
    config = Config.from_env({"DATA_DIR": str(tmp_path), "SECRET_KEY": KEY, "PORT": "8002"}, dotenv=dotenv)
    assert (config.port, config.page_size) == (8002, 25)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "database_url"
    file.write_text("postgres://ada:hunter2@db/metronome\n")
    config = read(tmp_path, DATABASE_URL_FILE=str(file))
    assert config.database_url == "postgresql+psycopg2://ada:hunter2@db/metronome"
    with pytest.raises(ConfigError, match="both set"):
        read(tmp_path, DATABASE_URL="postgresql://db/metronome", DATABASE_URL_FILE=str(file))


def test_a_key_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    keys: list[Any] = []
    threads = [
        threading.Thread(target=lambda: keys.append(Config.from_env({"DATA_DIR": str(tmp_path)}).secret_key))
        for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^DATA_DIR cannot be made: "):
        Config.from_env({"DATA_DIR": str(tmp_path / "file" / "var")})
