"""What a door makes sure of before it opens: settings that can be used, and a Redis that keeps what it is given."""

from __future__ import annotations

import logging
import sys

from app import logs
from app.config import Config

log = logging.getLogger("metronome.doorstep")

REMEDY = "set maxmemory-policy noeviction in its redis.conf"


def enter() -> Config:
    """The settings, and the log set up by them. What config_or_exit() would only refuse if strict is logged."""
    config = Config.from_env_or_exit()
    logs.set_up(config)
    if trouble := _trouble(config):
        _refuse_if_strict(config, trouble)
        log.error("Redis may throw data away: %s; %s", trouble, REMEDY)
    return config


def config_or_exit() -> Config:
    """The settings; with REDIS_STRICT, a Redis that may throw data away is refused in a sentence, with exit code 2."""
    config = Config.from_env_or_exit()
    if config.redis_strict and (trouble := _trouble(config)):
        _refuse_if_strict(config, trouble)
    return config


def _trouble(config: Config) -> str:
    """What is wrong with how Redis keeps things. One that is away, or does not say, is no reason to stay closed."""
    if not config.redis_url:
        return ""
    from jobs.metrics import KEEPS_ALL, eviction_policy  # noqa: PLC0415 -- slow import

    policy = eviction_policy(config.redis_url)
    return "" if policy in {None, KEEPS_ALL} else f"its maxmemory-policy is {policy}, not {KEEPS_ALL}"


def _refuse_if_strict(config: Config, trouble: str) -> None:
    if config.redis_strict:
        print(f"metronome: REDIS_STRICT refuses this Redis, {trouble}: {REMEDY}.", file=sys.stderr)
        raise SystemExit(2)
