"""A vault with money on later addresses, from which it doesn't pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chains.model import Address
from custody.apikeys.model import Caller
from custody.db.tables import AddressRow, VaultRow
from custody.transfers.request import Answer
from tests.unit.custody.transfers.desk import ANYONE, Desk


@dataclass
class Sweeping(Desk):
    async def paid_late(self, *amounts: int) -> tuple[VaultRow, list[AddressRow]]:
        """A vault whose first address has nothing, and a later address for each amount. Final."""
        vault = await self.new_vault()
        await self.new_address(vault)
        later = [await self.new_address(vault) for _ in amounts]
        for address, amount in zip(later, amounts, strict=True):
            await self.node.fund(Address(address.address), amount)
        await self.settled()
        return vault, later

    async def settled(self) -> None:
        await self.node.mine()
        await self.node.finalize()
        await self.follow()

    async def sweep(
        self,
        vault: VaultRow,
        address: AddressRow,
        key: str | None = None,
        caller: Caller = ANYONE,
        **more: Any,
    ) -> Answer:
        first = (await self.addresses(vault))[0].address
        told = {"to": first, "key": key, "caller": caller, "source": address.address} | more
        return await self.ask(vault, None, **told)

    async def swept(self, vault: VaultRow, address: AddressRow) -> str:
        answer = await self.sweep(vault, address)
        assert answer.status == 201, answer
        return answer.body.decode()

    async def has(self, vault: VaultRow) -> tuple[int, int, int]:
        """Available, unswept and pending."""
        found = await self.balance(vault)
        return found.available, found.unswept, found.pending
