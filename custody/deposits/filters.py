"""What a list of deposits may be narrowed to."""

from __future__ import annotations

from dataclasses import dataclass

from chains.model import AssetId, NetworkId
from custody.db.listing import ALWAYS, Times
from custody.deposits.states import DepositState


@dataclass(frozen=True, slots=True)
class DepositFilter:
    """All at once. `client_id`: what the caller may see. `addresses`: ids, one of these.
    `transfer_id`: of the call that brought it. None, and
    no states, do not filter."""

    client_id: str | None = None
    vault_id: str | None = None
    network: NetworkId | None = None
    asset: AssetId | None = None
    states: tuple[DepositState, ...] = ()
    txid: str | None = None
    addresses: tuple[str, ...] | None = None
    transfer_id: str | None = None
    created: Times = ALWAYS
    updated: Times = ALWAYS

    @property
    def leaves_few(self) -> bool:
        """Whether it names something that few deposits have."""
        named = (self.txid, self.addresses, self.transfer_id)
        ranges = (self.created, self.updated)
        return any(each is not None for each in named) or any(each != ALWAYS for each in ranges)
