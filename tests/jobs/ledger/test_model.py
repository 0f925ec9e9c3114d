"""Every state that two workers, the reaper and a person can bring one job into, in a model small enough to see all.

The model is the ledger's rules in a few lines. Each of its moves is one transaction, taken whole or not at all. It is
worth something only if it finds the mistakes that the rules are there to prevent: without one of them it must fail.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

MOST_ATTEMPTS = 3
WORKERS = (0, 1)
SETTLED = {"succeeded", "cancelled", "parked"}

Pair = tuple[int | None, int | None]


@dataclass(frozen=True)
class World:
    """One row; of each worker the attempt it believes to hold; and which attempts have written the effect."""

    state: str = "ready"
    attempt: int = 0
    is_asked_to_end: bool = False
    holds: Pair = (None, None)
    effects: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rules:
    """Which of the ledger's rules hold."""

    fences_by_attempt: bool = True
    fences_by_state: bool = True
    commits_effect_with_finish: bool = True


def moves(world: World, rules: Rules) -> Iterator[tuple[str, World]]:
    """Everything that can happen next. Who was given up for dead may come back at any time."""
    for worker in WORKERS:
        held = world.holds[worker]
        free = replace(world, holds=_with(world.holds, worker, None))
        if held is not None:
            yield f"{worker} dies", free
            yield from _settle(free, rules, worker, held)
        elif world.state == "ready" and world.attempt < MOST_ATTEMPTS:
            new = world.attempt + 1
            yield (
                f"{worker} claims",
                replace(world, state="running", attempt=new, holds=_with(world.holds, worker, new)),
            )
    if world.state == "running":
        yield "rescue", replace(world, state=_put_back(world))
        yield "ask to end", replace(world, is_asked_to_end=True)
    if world.state == "ready":
        yield "cancel", replace(world, state="cancelled")


def _settle(world: World, rules: Rules, worker: int, held: int) -> Iterator[tuple[str, World]]:
    is_mine = (world.state == "running" or not rules.fences_by_state) and (
        world.attempt == held or not rules.fences_by_attempt
    )
    written = replace(world, effects=(*world.effects, held))
    if is_mine:
        yield f"{worker} finishes", replace(written, state="succeeded")
        yield f"{worker} fails", replace(world, state=_put_back(world))
    else:
        yield f"{worker} is refused", world if rules.commits_effect_with_finish else written


def _put_back(world: World) -> str:
    if world.is_asked_to_end:
        return "cancelled"
    return "parked" if world.attempt >= MOST_ATTEMPTS else "ready"


def _with(pair: Pair, place: int, value: int | None) -> Pair:
    return (value, pair[1]) if place == 0 else (pair[0], value)


def broken(before: World, after: World) -> str | None:
    """The promise that does not hold; None where all do."""
    if before.state in SETTLED and after.state != before.state:
        return "what had settled changed"
    if len(after.effects) > 1:
        return "the effect exists twice"
    if bool(after.effects) != (after.state == "succeeded"):
        return "an effect without a finish, or a finish without an effect"
    if after.effects not in {(), (after.attempt,)}:
        return "an attempt that was given up ended the one after it"
    return None


def explore(rules: Rules) -> tuple[set[World], list[str] | None]:
    """Every state there is; and the shortest way to a broken promise, if there is one."""
    ways: dict[World, list[str]] = {World(): []}
    waiting = [World()]
    for world in waiting:
        for what, after in moves(world, rules):
            if why := broken(world, after):
                return set(ways), [*ways[world], what, why]
            if after not in ways:
                ways[after] = [*ways[world], what]
                waiting.append(after)
    return set(ways), None


def test_no_way_leads_to_a_broken_promise() -> None:
    worlds, way = explore(Rules())
    print(f"\n{len(worlds)} states, all of them good")
    assert way is None
    assert {world.state for world in worlds} == {"ready", "running", *SETTLED}


def test_from_everywhere_it_comes_to_an_end() -> None:
    worlds, _ = explore(Rules())
    reaches = {world for world in worlds if world.state in SETTLED}
    while grown := {one for one in worlds - reaches if any(after in reaches for _, after in moves(one, Rules()))}:
        reaches |= grown
    assert reaches == worlds


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        (
            Rules(fences_by_attempt=False),
            ["0 claims", "rescue", "1 claims", "0 finishes", "an attempt that was given up ended the one after it"],
        ),
        (
            Rules(fences_by_state=False),
            ["0 claims", "rescue", "cancel", "0 finishes", "what had settled changed"],
        ),
        (
            Rules(commits_effect_with_finish=False),
            ["0 claims", "rescue", "0 is refused", "an effect without a finish, or a finish without an effect"],
        ),
    ],
    ids=["the attempt", "the state", "one transaction"],
)
def test_without_a_rule_a_promise_is_broken(rules: Rules, way: list[str]) -> None:
    assert explore(rules)[1] == way
