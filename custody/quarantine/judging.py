"""What of that which arrives is held. What a person decided about it before goes before all rules,
also when a reorg took it away meanwhile and another block brings it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chains.model import NetworkId
from custody.db.ids import new_id
from custody.db.session import ReadSession
from custody.quarantine import repository
from custody.quarantine.model import Arrival, Rule, first_that_holds

Place = tuple[str, str]
"""A transaction, and where in it."""


async def judge(
    session: ReadSession, network: NetworkId, arrivals: Sequence[Arrival]
) -> dict[Place, Rule | None]:
    """Those that are held, with the rule that holds them; None: they were held before, and nobody
    has released them."""
    if not arrivals:
        return {}
    known = await repository.quarantines_of(session, network, {each.txid for each in arrivals})
    decided = {(row.txid, row.place) for row in known}
    held: dict[Place, Rule | None] = {
        (row.txid, row.place): None for row in known if row.open_key is not None
    }
    new = [each for each in arrivals if (each.txid, each.place) not in decided]
    senders = frozenset[str]().union(*(each.senders for each in new))
    rules = await repository.rules_on(session, network, senders) if new else []
    for each in new:
        rule = first_that_holds(rules, each)
        if rule is not None:
            held[each.txid, each.place] = rule
    return held


def row_of(
    network: str,
    place: Place,
    deposit: str,
    rule: str | None,
    reason: str,
    by: str,
    now: datetime,
) -> dict[str, Any]:
    """Of a new quarantine."""
    return {
        "id": new_id("qua"),
        "network": network,
        "txid": place[0],
        "place": place[1],
        "deposit_id": deposit,
        "rule_id": rule,
        "reason": reason,
        "held_by": by,
        "created_at": now,
        "open_key": repository.key_of(network, *place),
        "released_at": None,
        "released_by": None,
        "released_reason": None,
    }
