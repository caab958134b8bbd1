"""Which numbers come next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for its number: the `key` of its row, and the clients in whose feeds it belongs,
    each once."""

    key: int | str
    clients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """`position` among everything of its kind, `sequence` among what is the client's."""

    key: int | str
    position: int
    client: str | None
    sequence: int | None


@dataclass(slots=True)
class Heads:
    """The newest numbers that were given away; a client that is missing has none yet."""

    position: int = 0
    sequences: dict[str, int] = field(default_factory=dict)

    def number(self, waiting: Iterable[Waiting]) -> Iterator[Place]:
        """The places of what waits, in its order."""
        for each in waiting:
            for client in each.clients or (None,):
                self.position += 1
                yield Place(each.key, self.position, client, self._next(client))

    def _next(self, client: str | None) -> int | None:
        if client is None:
            return None
        self.sequences[client] = self.sequences.get(client, 0) + 1
        return self.sequences[client]
