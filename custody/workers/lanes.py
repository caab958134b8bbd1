"""Which vaults' work a worker takes. Pure.

Where keys are numbers, a number is signed only after the one before it, so two workers that sign
for one address wait for each other. Elsewhere they want the same coins and nonces, and two halves
of a set cost more than the whole. So one at a time signs for a vault: a vault whose signings
another worker's claim holds is a lane that is busy, and nobody else takes of it. A claim that
lapses sets its lanes free; nothing else has to be remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from custody.outbox import Work
from custody.pauses.scope import Paused

HELD_BACK: Final = (Work.SIGN, Work.SPEED_UP)
"""What begins something new: nobody takes it where it is paused. What was signed leaves by itself,
and its first broadcast asks again (`transactions.broadcasting`)."""


@dataclass(frozen=True, slots=True)
class Barred:
    """What nobody takes at the moment. `busy`: vaults for which another worker signs. `signs`:
    whether this worker may sign for any."""

    paused: Paused = field(default_factory=Paused)
    busy: frozenset[str] = frozenset()
    signs: bool = True

    def kinds(self, network: str) -> tuple[Work, ...]:
        """Those of which nothing is taken."""
        if self.paused.whole(network):
            return HELD_BACK
        return () if self.signs else (Work.SIGN,)

    def vaults(self, network: str, kind: str) -> frozenset[str]:
        """Those of which nothing of a kind is taken."""
        paused = self.paused.vaults(network) if kind in HELD_BACK else frozenset()
        return paused | self.busy if kind == Work.SIGN else paused


def share(lanes: Sequence[str], *, crowded: bool) -> Sequence[str]:
    """Of the free ones, those that one claim takes. `crowded`: more waits in them than a claim may
    have. Then half of them will do, and another worker finds the other half."""
    return lanes[: -(-len(lanes) // 2)] if crowded else lanes
