"""What a list of transfers may be narrowed to."""

from __future__ import annotations

from dataclasses import dataclass

from chains.model import AssetId, NetworkId
from custody.db.listing import ALWAYS, Times
from custody.transfers.kinds import Kind
from custody.transfers.priority import Priority
from custody.transfers.state import State


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """All at once. `client_id`: what the caller may see. `destinations`: one of these. None, and
    no states, do not filter."""

    client_id: str | None = None
    vault_id: str | None = None
    network: NetworkId | None = None
    asset: AssetId | None = None
    states: tuple[State, ...] = ()
    txid: str | None = None
    external_id: str | None = None
    priority: Priority | None = None
    payout_file: str | None = None
    destinations: tuple[str, ...] | None = None
    kind: Kind | None = None
    created: Times = ALWAYS
    updated: Times = ALWAYS

    @property
    def leaves_few(self) -> bool:
        """Whether it names something that few transfers have."""
        named = (self.txid, self.external_id, self.destinations)
        ranges = (self.created, self.updated)
        return any(each is not None for each in named) or any(each != ALWAYS for each in ranges)
