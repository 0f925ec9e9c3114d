"""How much is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rounds, and what one of them holds."""

    rounds: int = 3
    jobs: int = 10_000
    warm_up: int = 1_000
    submit_rate: float = 50
    submit_s: float = 20
    warm_up_s: float = 3
    clients: tuple[int, ...] = (1, 8, 32)
    web_s: float = 5
    activities: int = 200_000
    settled: int = 1_000_000
    idle_s: float = 20
    slow_sockets: int = 500
    crowd: int = 100_000
    urgent: int = 10
    steps: int = 10_000
    schedules: int = 10_000
    people: tuple[int, ...] = (10, 50, 100, 500)
    users_s: float = 10
    ops_settled: Mapping[str, int] = field(default_factory=lambda: {"postgresql": 2_000_000, "sqlite": 500_000})
    ops_live: int = 10_000
    events: int = 200_000
    watchers: int = 500
    programs: int = 50

    @classmethod
    def quick(cls) -> Sizes:
        """Just enough to see that everything runs; such figures say nothing."""
        return cls(
            rounds=1,
            jobs=300,
            warm_up=50,
            submit_s=1,
            warm_up_s=0.2,
            clients=(4,),
            web_s=1,
            activities=500,
            settled=2_000,
            idle_s=1,
            slow_sockets=20,
            crowd=500,
            urgent=2,
            steps=50,
            schedules=50,
            people=(4,),
            users_s=1,
            ops_settled={"postgresql": 2_000, "sqlite": 2_000},
            ops_live=100,
            events=500,
            watchers=20,
            programs=5,
        )
