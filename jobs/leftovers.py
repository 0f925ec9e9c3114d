"""What lies in Redis, to look at and to tidy up."""

from collections.abc import Callable, Mapping
from typing import Any

from .dispatch import shelves
from .dispatch.broker import WakeUpBroker
from .dispatch.relay import Relay
from .dispatch.sender import Sender
from .dispatch.shelves import RedisLook
from .errors import RedisAway
from .host import Host
from .ledger import audit


class Leftovers:
    """What one engine has in Redis. Nothing there is needed for a job to run."""

    def __init__(
        self, host: Host, broker: WakeUpBroker, *, relay: Relay, sender: Sender, queues: Callable[[], list[str]]
    ) -> None:
        self._host, self._broker, self._queues = host, broker, queues
        self._relay, self._sender = relay, sender

    def look(self) -> RedisLook:
        """Everything that lies there, bounded; while Redis is away only that it is."""
        return shelves.look(self._broker, self._queues())

    def tidy_up(self, *, by: str | None, reason: str | None = None) -> int:
        """Remove what nobody holds, and wake workers for whatever is ready; how many messages were removed.

        Raises:
            RedisAway
        """
        try:
            removed = shelves.tidy_up(self._broker, self._queues())
        except Exception as error:
            if not shelves.is_reachable_error(error):
                raise
            raise RedisAway("Redis is away.") from None
        self._relay.top_up()
        self._sender.flush()
        with self._host.transaction() as session:
            told: Mapping[str, Any] = {"before": {"orphans": removed}, "after": {"orphans": 0}, "reason": reason}
            audit.append(session, by=by, action="repair", subject="broker", details=told)
        return removed


def orphans(look: RedisLook) -> int:
    """How many messages nobody holds, and processes that are gone."""
    return sum(one.orphans for one in look.shelves) + sum(one.is_silent for one in look.beats)
