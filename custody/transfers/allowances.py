"""What a vault lets others take of its tokens: open allowances that its own transfers made, and
those of permits that it signed and somebody submitted.

On record is what was agreed to, and a node says what is left of it now. A token counts only the
last allowance of an address for a spender, so an earlier one is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chains.adapter import AskedAllowance, ChainAdapter, TellsAllowances
from chains.effects import OVER, Allow
from chains.errors import ChainError
from chains.model import Address, AssetId, NetworkId
from custody.db.session import Database, ReadSession
from custody.db.transfer_tables import MandateRow, TransferRow
from custody.errors import Unprocessable
from custody.transfers.allowance_repository import allowing, signed_typed
from custody.transfers.mandates import stored_mandate
from custody.transfers.repository import mandates_by_transfer


@dataclass(frozen=True, slots=True)
class Open:
    """`spender` may take of what `owner`, an address of the vault's, has of `asset`. `agreed`: so
    much, when `transfer` was agreed to (None: any amount); `left`: what its contract says now, None
    if no node says it. `since`: when it was asked for. `expires_at`: when it ends, None: never."""

    network: NetworkId
    owner: Address
    spender: Address
    asset: AssetId
    agreed: int | None
    left: int | None
    transfer: str
    since: datetime
    expires_at: datetime | None = None

    @property
    def place(self) -> AskedAllowance:
        """Of which there is one number."""
        return AskedAllowance(self.asset, self.owner, self.spender, self.expires_at is not None)

    @property
    def nothing(self) -> Allow:
        """What takes its place, and allows nothing."""
        return Allow(self.spender, self.asset, 0, None if self.expires_at is None else OVER)


async def open_of(
    database: Database, adapters: Mapping[NetworkId, ChainAdapter], vault: str
) -> Sequence[Open]:
    """In the order in which they were asked for."""
    async with database.read() as session:
        known = await on_record(session, vault)
    found: list[Open] = []
    for network in dict.fromkeys(each.network for each in known):
        mine = [each for each in known if each.network == network]
        found += await _as_told(adapters.get(network), mine)
    return [each for each in found if each.left or (each.left is None and each.agreed != 0)]


async def on_record(session: ReadSession, vault: str) -> Sequence[Open]:
    """The newest of each owner, spender and token that a block has, or that was signed for anybody
    to submit."""
    made, said = await allowing(session, vault), await signed_typed(session, vault)
    terms = await mandates_by_transfer(session, [row.id for row, _ in (*made, *said)])
    newest: dict[AskedAllowance, Open] = {}
    for row, owner in made:
        for each in _allowed(row, owner, terms[row.id]):
            newest.pop(each.place, None)
            newest[each.place] = each
    for row, owner in said:
        for each in _allowed(row, owner, terms[row.id]):
            known = newest.get(each.place)
            if known is None or known.since < each.since:  # of one second: what a block has
                newest[each.place] = each
    return list(newest.values())


def _allowed(row: TransferRow, owner: str, terms: Sequence[MandateRow]) -> Iterator[Open]:
    """Nothing where nobody can read it: a row that went bad concerns its transfer alone."""
    try:
        effects = stored_mandate(terms[0]).core.effects if terms else ()
    except Unprocessable:
        return
    for told in effects:
        if isinstance(told, Allow):
            yield Open(
                NetworkId(row.network),
                Address(owner),
                told.spender,
                told.asset,
                told.amount,
                None,
                row.id,
                row.requested_at,
                told.expires_at,
            )


async def _as_told(adapter: ChainAdapter | None, known: Sequence[Open]) -> Sequence[Open]:
    if adapter is None or not isinstance(adapter, TellsAllowances):
        return known
    try:
        answers = await adapter.allowances([each.place for each in known])
    except ChainError:
        return known
    return [
        each if isinstance(answer, ChainError) else replace(each, left=answer)
        for each, answer in zip(known, answers, strict=True)
    ]
