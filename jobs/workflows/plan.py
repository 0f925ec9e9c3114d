"""From the shape of a workflow to the graph that is written down: in order, and with joins where it is wide."""

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs.ledger.flows import STRIDE

from .shape import MOST_STEPS, ON_SUCCESS, Node, Workflow

WIDTH = 100
"""How many parents count on one row; more count on several joins first."""
MOST_EDGES = 200_000


@dataclass(slots=True)
class Plan:
    """The graph of one workflow.

    Nodes are numbered: steps from 0 in the order they were declared, joins by their number, negative. `order` has the
    steps with parents before their children, `edges` are (parent, child, place), `pending` says for every step and
    join how many parents it waits for. The first `ends` numbers belong to the joins on which steps count that have
    settled; 0 means they count on the workflow itself.
    """

    nodes: list[Node]
    ends: int
    edges: list[tuple[int, int, int]] = field(default_factory=list)
    pending: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    order: list[int] = field(default_factory=list)
    joins: int = 0

    def connect(self, parent: int, child: int, place: int) -> None:
        """Let the child wait for the parent."""
        if len(self.edges) >= MOST_EDGES:
            raise ValueError(f"a workflow has at most {MOST_EDGES} dependencies")
        self.edges.append((parent, child, place))
        self.pending[child] += 1

    def new_join(self) -> int:
        """The node of one more join."""
        self.joins += 1
        return -(self.ends + self.joins)


def planned(workflow: Workflow) -> Plan:
    """The graph of the workflow.

    Raises:
        ValueError: it has no steps or too many, waits for a step that is not there, or waits in a circle.
    """
    nodes = _with_callback(workflow)
    if not nodes:
        raise ValueError(f"{workflow.name}: a workflow has at least one step")
    if len(nodes) > MOST_STEPS:
        raise ValueError(f"{workflow.name}: a workflow has at most {MOST_STEPS} steps")
    plan = Plan(nodes, ends=0 if len(nodes) <= WIDTH else math.ceil(len(nodes) / WIDTH))
    for after, children in _families(workflow, nodes):
        ends = _gathered(plan, after, children=len(children))
        for child in children:
            for place, parent in enumerate(ends):
                plan.connect(parent, child, place)
    plan.order = _in_order(workflow, plan)
    return plan


def _with_callback(workflow: Workflow) -> list[Node]:
    nodes = list(workflow.nodes.values())
    if nodes and workflow.success_callback is not None:
        waited_for = {name for after in {id(node.after): node.after for node in nodes}.values() for name in after}
        last = tuple(node.name for node in nodes if node.name not in waited_for)
        nodes.append(Node(ON_SUCCESS, workflow.success_callback, last))
    return nodes


def _families(workflow: Workflow, nodes: Sequence[Node]) -> list[tuple[list[int], list[int]]]:
    """Those who wait for the same steps, together: (parents, children)."""
    numbers = {node.name: number for number, node in enumerate(nodes)}
    # Two groups in a row share one tuple ten thousand times; it is looked through once.
    kept: dict[int, tuple[str, ...]] = {}
    same: dict[tuple[str, ...], list[int]] = {}
    by_identity: dict[int, list[int]] = {}
    for number, node in enumerate(nodes):
        if not node.after:
            continue
        if id(node.after) not in kept:
            kept[id(node.after)] = node.after
            by_identity[id(node.after)] = same.setdefault(node.after, [])
        by_identity[id(node.after)].append(number)
    for after, children in same.items():
        if missing := [name for name in after if name not in numbers]:
            raise ValueError(f"{workflow.name}: {nodes[children[0]].name} waits for {missing[0]}, which is not a step")
    return [([numbers[name] for name in after], children) for after, children in same.items()]


def _gathered(plan: Plan, parents: list[int], *, children: int) -> list[int]:
    """The parents, or joins that stand for them, so few that every child can wait for each."""
    while len(parents) > WIDTH or (len(parents) > 1 and children > 1 and len(parents) * children > WIDTH):
        joins = [plan.new_join() for _ in range(math.ceil(len(parents) / WIDTH))]
        for place, parent in enumerate(parents):
            plan.connect(parent, joins[place // STRIDE % len(joins)], place)
        parents = joins
    return parents


def _in_order(workflow: Workflow, plan: Plan) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for parent, child, _ in plan.edges:
        children[parent].append(child)
    waits_for = dict(plan.pending)
    ready = deque(number for number in range(len(plan.nodes)) if not waits_for.get(number))
    order: list[int] = []
    while ready:
        node = ready.popleft()
        if node >= 0:
            order.append(node)
        for child in children[node]:
            waits_for[child] -= 1
            if not waits_for[child]:
                ready.append(child)
    if len(order) < len(plan.nodes):
        stuck = min(set(range(len(plan.nodes))) - set(order))
        raise ValueError(f"{workflow.name}: {plan.nodes[stuck].name} waits for itself, in a circle")
    return order
