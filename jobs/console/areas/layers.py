"""A graph of steps as a picture: each step a column behind all it waits for, near to those it waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COLUMN, ROW = 212, 58
WIDTH, HEIGHT = 172, 40
MARGIN = 8
SWEEPS = 4
LONGEST_LABEL = 18


@dataclass(frozen=True, slots=True)
class Node:
    """One step: what it is called, and the class of its state. A joint is a point where lines meet."""

    id: int
    label: str = ""
    key: str = ""
    is_joint: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node is drawn."""

    node: Node
    x: int
    y: int
    width: int = WIDTH

    @property
    def label(self) -> str:
        """What fits into the box."""
        text = self.node.label
        return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and curves, in the units of the view box."""

    width: int
    height: int
    boxes: Sequence[Box]
    curves: Sequence[str]


def drawn(nodes: Sequence[Node], edges: Sequence[tuple[int, int]]) -> Picture:
    """The picture of a graph; edges go from parent to child, and those of a circle are left out of the order."""
    by_id = {node.id: node for node in nodes}
    known = [(parent, child) for parent, child in edges if parent in by_id and child in by_id]
    columns = _ordered(_columns(nodes, known), known)
    most = max((len(column) for column in columns), default=0)
    places: dict[int, tuple[int, int]] = {}
    for number, column in enumerate(columns):
        top = (most - len(column)) * ROW // 2
        for row, node_id in enumerate(column):
            places[node_id] = (MARGIN + number * COLUMN, MARGIN + top + row * ROW)
    boxes = [Box(by_id[node_id], *place) for node_id, place in places.items()]
    curves = [_curve(by_id[parent], places[parent], by_id[child], places[child]) for parent, child in known]
    width = 2 * MARGIN + max(0, len(columns) - 1) * COLUMN + WIDTH
    return Picture(width, 2 * MARGIN + max(1, most) * ROW - (ROW - HEIGHT), boxes, curves)


def _columns(nodes: Sequence[Node], edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The nodes by the length of the longest way that leads to them."""
    parents: dict[int, set[int]] = {node.id: set() for node in nodes}
    children: dict[int, list[int]] = {node.id: [] for node in nodes}
    for parent, child in edges:
        if parent != child:
            parents[child].add(parent)
            children[parent].append(child)
    depth = {node.id: 0 for node in nodes}
    left = {node_id: len(of) for node_id, of in parents.items()}
    free = [node.id for node in nodes if not left[node.id]]
    while free:
        node_id = free.pop()
        for child in dict.fromkeys(children[node_id]):
            depth[child] = max(depth[child], depth[node_id] + 1)
            left[child] -= 1
            if not left[child]:
                free.append(child)
    columns: list[list[int]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in nodes:
        columns[depth[node.id]].append(node.id)
    return columns


def _ordered(columns: list[list[int]], edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Each column in the order of where its neighbours are, from left to right and back, so that few lines cross."""
    parents: dict[int, list[int]] = {}
    children: dict[int, list[int]] = {}
    for parent, child in edges:
        parents.setdefault(child, []).append(parent)
        children.setdefault(parent, []).append(child)
    for sweep in range(SWEEPS):
        neighbours = parents if sweep % 2 == 0 else children
        for column in columns if sweep % 2 == 0 else reversed(columns):
            places = _places(columns)
            held = {node_id: places[node_id] for node_id in column}
            column.sort(
                key=lambda node_id: (_middle(neighbours.get(node_id, ()), places, held[node_id]), held[node_id])
            )
    return columns


def _places(columns: Sequence[Sequence[int]]) -> Mapping[int, float]:
    """How far down each node is, from the middle of its column."""
    return {node_id: row - (len(column) - 1) / 2 for column in columns for row, node_id in enumerate(column)}


def _middle(of: Sequence[int], places: Mapping[int, float], otherwise: float) -> float:
    return sum(places[one] for one in of) / len(of) if of else otherwise


def _curve(parent: Node, start: tuple[int, int], child: Node, end: tuple[int, int]) -> str:
    x1 = start[0] + (WIDTH // 2 if parent.is_joint else WIDTH)
    x2 = end[0] + (WIDTH // 2 if child.is_joint else 0)
    y1, y2 = start[1] + HEIGHT // 2, end[1] + HEIGHT // 2
    bend = (x2 - x1) // 2
    return f"M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"
