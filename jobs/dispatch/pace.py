"""How many quick jobs of a kind may share one transaction, judged by how long they took lately."""

TRANSACTION_S = 0.05
"""How long a transaction of several jobs is meant to last."""
LONGEST_TRANSACTION_S = 0.1
"""When it has lasted so long no further job is begun in it: what is left is handed back, at the price of running it."""
MOST_TOGETHER = 16
WEIGHT_OF_NEWEST = 0.2
ROOM_FOR_THE_DATABASE = 3


class Pace:
    """Learns how long the jobs of each kind take in this process.

    A kind nobody has run yet, or a slow one, gets a transaction for each job. Sixteen quick ones share a commit,
    which costs more than they do.
    """

    def __init__(self) -> None:
        self._run_s: dict[str, float] = {}

    def learn(self, kind: str, wall_s: float, cpu_s: float) -> None:
        """Take in that a job of the kind took this long; one slow job outweighs the quick ones before it.

        What a job that fits a transaction waited for is mostly the crowd on a busy machine, and sharing is what thins
        the crowd: so its processor time decides, with room for the database's part.
        """
        run_s = wall_s if wall_s > TRANSACTION_S else min(wall_s, cpu_s * ROOM_FOR_THE_DATABASE)
        before = self._run_s.get(kind, run_s)
        self._run_s[kind] = max(run_s, before + WEIGHT_OF_NEWEST * (run_s - before))

    def together(self, kind: str) -> int:
        """How many jobs of the kind one claim may take."""
        run_s = self._run_s.get(kind)
        if run_s is None:
            return 1
        return max(1, min(MOST_TOGETHER, int(TRANSACTION_S / max(run_s, 1e-6))))
