"""Somebody else's mints on our local cluster, of which he is every authority, and what he does with
them. Balances are the token accounts' own bytes, read past the adapter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.models import TxOpts
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account
from solders.transaction import VersionedTransaction
from spl.token import instructions as spl_py
from spl.token import models

from chains.assets import Asset
from chains.devnet.solana import SolanaNode
from chains.model import Address, TxId
from chains.networks import Network
from chains.solana.spl import associated
from tests.support.solana_tokens import (
    LEGACY,
    NEW,
    SOL,
    Steps,
    listed,
    mint_bytes,
    minting,
    opening,
    token_row,
)

KINDS: Final[Mapping[str, tuple[Pubkey, tuple[str, ...]]]] = {
    "token": (LEGACY, ()),
    "token-2022": (NEW, ()),
    "fee": (NEW, ("transfer-fee",)),
    "sleeping": (NEW, ("default-frozen",)),
    "pausable": (NEW, ("pausable",)),
    "bound": (NEW, ("non-transferable",)),
    "delegate": (NEW, ("permanent-delegate",)),
    "hook": (NEW, ("transfer-hook",)),
    "says-less": (NEW, ("permanent-delegate",)),
}
"""By name: the program, and what the mint does beside it. The row of `says-less` names none."""


class Shop:
    """`boss` pays for everything."""

    def __init__(self, node: SolanaNode, peer: AsyncClient) -> None:
        self.node, self.peer, self.boss = node, peer, Keypair()

    async def do(self, steps: Steps, *keys: Keypair, mine: bool = True) -> TxId:
        blockhash = (await self.peer.get_latest_blockhash()).value.blockhash
        signers = [self.boss, *keys]
        message = MessageV0.try_compile(self.boss.pubkey(), steps, [], blockhash)
        options = TxOpts(preflight_commitment=Confirmed)
        signed = VersionedTransaction(message, signers)
        sent = await self.peer.send_transaction(signed, options)
        if mine:
            await self.node.mine()
        return TxId(str(sent.value))

    async def rent(self, data_bytes: int) -> int:
        return (await self.peer.get_minimum_balance_for_rent_exemption(data_bytes)).value

    async def mint(
        self, program: Pubkey = LEGACY, traits: Sequence[str] = (), decimals: int = 6
    ) -> Pubkey:
        key, boss = Keypair(), self.boss.pubkey()
        rent = await self.rent(mint_bytes(traits))
        await self.do(opening(boss, key.pubkey(), program, rent, decimals, traits), key)
        return key.pubkey()

    async def give(
        self, mint: Pubkey, program: Pubkey, owner: Address, units: int, *, mine: bool = True
    ) -> TxId:
        to = Pubkey.from_string(owner)
        return await self.do(minting(mint, program, self.boss.pubkey(), to, units), mine=mine)

    async def extensions(self, mint: Pubkey) -> set[int]:
        """The numbers of a mint's extensions, behind 165 bytes and its type [type-length-value]."""
        shown = (await self.peer.get_account_info(mint)).value
        assert shown is not None
        left, found = bytes(shown.data)[166:], set()
        while left:
            found.add(int.from_bytes(left[:2], "little"))
            left = left[4 + int.from_bytes(left[2:4], "little") :]
        return found

    async def has(self, account: Pubkey) -> int:
        shown = (await self.peer.get_account_info(account)).value
        return 0 if shown is None else int.from_bytes(bytes(shown.data)[64:72], "little")

    async def freeze(self, mint: Pubkey, program: Pubkey, account: Pubkey) -> TxId:
        params = models.FreezeAccountParams(
            program_id=program, account=account, mint=mint, authority=self.boss.pubkey()
        )
        return await self.do([spl_py.freeze_account(params)])

    async def thaw(self, mint: Pubkey, program: Pubkey, account: Pubkey) -> TxId:
        params = models.ThawAccountParams(
            program_id=program, account=account, mint=mint, authority=self.boss.pubkey()
        )
        return await self.do([spl_py.thaw_account(params)])

    async def account(
        self, mint: Pubkey, program: Pubkey, owner: Pubkey, data_bytes: int = 165
    ) -> Pubkey:
        """A token account of the owner's that is not his associated one."""
        key = Keypair()
        steps = [
            create_account(
                CreateAccountParams(
                    from_pubkey=self.boss.pubkey(),
                    to_pubkey=key.pubkey(),
                    lamports=await self.rent(data_bytes),
                    space=data_bytes,
                    owner=program,
                )
            ),
            spl_py.initialize_account(
                models.InitializeAccountParams(
                    program_id=program, account=key.pubkey(), mint=mint, owner=owner
                )
            ),
        ]
        await self.do(steps, key)
        return key.pubkey()


class SolanaToken:
    """Implements `tests.support.token_house.IssuedToken`. `named`: the traits of its row."""

    def __init__(
        self,
        shop: Shop,
        network: Network,
        mint: Pubkey,
        kind: str,
    ) -> None:
        self.shop, self.network, self.mint = shop, network, mint
        self.program, traits = KINDS[kind]
        named = () if kind == "says-less" else traits
        self.traits: Final = ("freeze-authority", *named)

    @property
    def row(self) -> dict[str, Any]:
        return token_row(self.network, self.mint, self.program, traits=list(self.traits))

    @property
    def asset(self) -> Asset:
        (token,) = listed(self.network, self.row).tokens.values()
        return token

    def at(self, owner: Address | Pubkey) -> Pubkey:
        """The owner's associated account."""
        return associated(Pubkey.from_string(str(owner)), self.mint, self.program)

    async def give(self, to: Address, units: int, *, mine: bool = True) -> TxId:
        """New ones, to the associated account."""
        return await self.shop.give(self.mint, self.program, to, units, mine=mine)

    async def mint_to(self, account: Pubkey, units: int, *, mine: bool = True) -> TxId:
        params = models.MintToParams(
            program_id=self.program,
            mint=self.mint,
            dest=account,
            mint_authority=self.shop.boss.pubkey(),
            amount=units,
        )
        return await self.shop.do([spl_py.mint_to(params)], mine=mine)

    async def open(self, owner: Address) -> Pubkey:
        """His associated account."""
        to, boss = Pubkey.from_string(owner), self.shop.boss.pubkey()
        made = spl_py.create_idempotent_associated_token_account(boss, to, self.mint, self.program)
        await self.shop.do([made])
        return self.at(owner)

    async def has(self, owner: Address) -> int:
        """In all his accounts, as the runtime has them."""
        return await self.shop.node.token_balance(owner, self.asset.id)

    async def freeze(self, owner: Address) -> TxId:
        return await self.shop.freeze(self.mint, self.program, self.at(owner))

    async def thaw(self, owner: Address) -> TxId:
        return await self.shop.thaw(self.mint, self.program, self.at(owner))

    async def pause(self) -> TxId:
        return await self._by_boss(bytes([44, 1]))

    async def unpause(self) -> TxId:
        return await self._by_boss(bytes([44, 2]))

    async def hook_on(self, program: Pubkey) -> TxId:
        return await self._by_boss(bytes([36, 1]) + bytes(program))

    async def _by_boss(self, data: bytes) -> TxId:
        """What concerns the mint alone, and needs its authority."""
        boss = AccountMeta(self.shop.boss.pubkey(), True, False)
        metas = [AccountMeta(self.mint, False, True), boss]
        return await self.shop.do([Instruction(self.program, data, metas)])

    async def takes(self, owner: Address, units: int) -> TxId:
        """As the permanent delegate, into an account of his own."""
        boss = self.shop.boss.pubkey()
        mine = await self.open(Address(str(boss)))
        params = models.TransferCheckedParams(
            program_id=self.program,
            source=self.at(owner),
            mint=self.mint,
            dest=mine,
            owner=boss,
            amount=units,
            decimals=6,
        )
        return await self.shop.do([spl_py.transfer_checked(params)])


class SolanaIssuer:
    """Implements `tests.support.token_house.Issuer`."""

    coin = SOL

    def __init__(self, network: Network, folder: Path) -> None:
        self.network = network
        self.node = SolanaNode(network, folder)
        self.tokens: dict[str, SolanaToken] = {}

    async def start(self) -> None:
        await self.node.start()
        self.peer = AsyncClient(self.node.url, commitment=Confirmed, http2=False)
        self.shop = Shop(self.node, self.peer)
        await self.node.fund(Address(str(self.shop.boss.pubkey())), 1_000 * SOL)
        await self.node.mine()
        for kind, (program, traits) in KINDS.items():
            mint = await self.shop.mint(program, traits)
            self.tokens[kind] = SolanaToken(self.shop, self.network, mint, kind)

    async def stop(self) -> None:
        if hasattr(self, "peer"):
            await self.peer.close()
        await self.node.stop()

    async def height(self) -> int:
        return (await self.peer.get_slot()).value
