"""A vault with a token and no coin, and the house's vault that carries its payments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic

from sqlalchemy import select

from chains.model import Address
from custody.db.tables import ApiKeyRow
from custody.gas.model import Bearer
from custody.gas.service import NewRule, set_rule
from tests.support.token_house import IssuedToken, Made, TokenHouse, Vault


async def let_carry(
    house: TokenHouse[Any], payer: Vault[Any], bears: Bearer, *, carries: bool
) -> None:
    """The gas station's rule of everybody: `payer` pays for what others lack."""
    custody, coin = house.services.custody, house.issuer.coin
    async with custody.database.write() as session:
        key = (await session.all(select(ApiKeyRow.id)))[0]
        new = NewRule(payer.id, coin, 5 * coin, bears, key, carries)
        await set_rule(session, house.network, None, new, "tokens", custody.clock(), by="olivia")


@dataclass(frozen=True)
class Carried(Generic[Made]):
    """`payee`: nobody of ours."""

    house: TokenHouse[Made]
    payer: Vault[Made]
    vault: Vault[Made]
    token: IssuedToken
    payee: Address

    async def pays(self, units: int) -> Any:
        return await self.vault.ask(self.token.asset.id, units, self.payee)

    async def carriers(self) -> list[Any]:
        items: list[Any] = (await self.house.get(f"vaults/{self.vault.id}/gas"))["carriers"]
        return items

    async def carrier(self) -> Any:
        """Its transfer, once it is broadcast. No block comes meanwhile."""

        async def out() -> bool:
            rows = await self.carriers()
            if not rows or rows[0]["transfer_id"] is None:
                return False
            shown = await self.house.get(f"transfers/{rows[0]['transfer_id']}")
            return any(each["state"] == "broadcast" for each in shown["transactions"])

        await self.house.until(out, mining=False)
        return await self.house.get(f"transfers/{(await self.carriers())[0]['transfer_id']}")

    async def compare(self) -> None:
        """Ledger and chain, of both vaults; the payer has no token."""
        node, native = self.house.issuer.node, self.house.network.native.id
        await self.house.followed()
        assert await node.balance(self.vault.address) == 0
        held = await self.vault.ledger(self.token.asset.id)
        assert held == await self.token.has(self.vault.address)
        assert await self.payer.ledger(native) == await node.balance(self.payer.address)
        assert await self.vault.frozen() is await self.payer.frozen() is None
        for each in (self.vault, self.payer):
            report = await self.house.services.reconciliation.run(vault=each.id)
            assert report.is_clean, report.lines
