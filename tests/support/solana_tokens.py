"""Mints of both token programs on the real runtime, with the extensions that a test wants.

Instructions are solana-py's where it has them; what opens an extension is written from the
program's own documentation (token-2022 interface, instruction.rs of each extension).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata
from spl.token import instructions as spl_py
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID
from spl.token.models import InitializeMintParams, MintToParams

from chains.catalogue import built_in
from chains.networks import Network
from chains.solana import spl

SOL = 10**9
LEGACY, NEW = TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID
NOBODY = bytes(32)

Steps = list[Instruction]


def mint_step(mint: Pubkey, data: bytes) -> Instruction:
    return Instruction(NEW, data, [AccountMeta(mint, False, True)])


def transfer_fee(mint: Pubkey, boss: Pubkey, points: int, most: int) -> Instruction:
    numbers = points.to_bytes(2, "little") + most.to_bytes(8, "little")
    return mint_step(mint, bytes([26, 0, 1]) + bytes(boss) + b"\1" + bytes(boss) + numbers)


def set_fee(mint: Pubkey, boss: Pubkey, points: int, most: int) -> Instruction:
    """SetTransferFee [extension/transfer_fee/instruction.rs]."""
    numbers = points.to_bytes(2, "little") + most.to_bytes(8, "little")
    metas = [AccountMeta(mint, False, True), AccountMeta(boss, True, False)]
    return Instruction(NEW, bytes([26, 5]) + numbers, metas)


def close_authority(mint: Pubkey, boss: Pubkey) -> Instruction:
    return mint_step(mint, bytes([25, 1]) + bytes(boss))


def default_frozen(mint: Pubkey, boss: Pubkey) -> Instruction:
    return mint_step(mint, bytes([28, 0, 2]))


def non_transferable(mint: Pubkey, boss: Pubkey) -> Instruction:
    return mint_step(mint, bytes([32]))


def interest(mint: Pubkey, boss: Pubkey) -> Instruction:
    return mint_step(mint, bytes([33, 0]) + bytes(boss) + (500).to_bytes(2, "little"))


def permanent_delegate(mint: Pubkey, boss: Pubkey) -> Instruction:
    return mint_step(mint, bytes([35]) + bytes(boss))


def hook(mint: Pubkey, boss: Pubkey, program: bytes = NOBODY) -> Instruction:
    return mint_step(mint, bytes([36, 0]) + bytes(boss) + program)


def confidential(mint: Pubkey, boss: Pubkey) -> Instruction:
    return mint_step(mint, bytes([27, 0]) + bytes(boss) + b"\1" + NOBODY)


def pausable(mint: Pubkey, boss: Pubkey) -> Instruction:
    return mint_step(mint, bytes([44, 0]) + bytes(boss))


def metadata_pointer(mint: Pubkey, boss: Pubkey) -> Instruction:
    return mint_step(mint, bytes([39, 0]) + bytes(boss) + bytes(mint))


EXTENSIONS: dict[str, tuple[int, Any]] = {
    "transfer-fee": (108, lambda mint, boss: transfer_fee(mint, boss, 250, 5_000)),
    "mint-close": (32, close_authority),
    "default-frozen": (1, default_frozen),
    "non-transferable": (0, non_transferable),
    "scaled": (52, interest),
    "permanent-delegate": (32, permanent_delegate),
    "transfer-hook": (64, hook),
    "confidential": (65, confidential),
    "pausable": (33, pausable),
    "": (64, metadata_pointer),
}
"""By the trait that each is, how much room it takes in the mint, and what opens it."""


def opening(
    payer: Pubkey,
    mint: Pubkey,
    program: Pubkey,
    rent: int,
    decimals: int,
    traits: Sequence[str] = (),
    freezes: bool = True,
) -> Steps:
    """What makes a mint of which `payer` is every authority. `rent`: for `mint_bytes` of it."""
    params = CreateAccountParams(
        from_pubkey=payer,
        to_pubkey=mint,
        lamports=rent,
        space=mint_bytes(traits),
        owner=program,
    )
    initialize = InitializeMintParams(
        decimals=decimals,
        mint=mint,
        mint_authority=payer,
        program_id=program,
        freeze_authority=payer if freezes else None,
    )
    extensions = [EXTENSIONS[trait][1](mint, payer) for trait in traits]
    return [create_account(params), *extensions, spl_py.initialize_mint(initialize)]


def mint_bytes(traits: Sequence[str]) -> int:
    return 166 + sum(4 + EXTENSIONS[each][0] for each in traits) if traits else 82


def minting(mint: Pubkey, program: Pubkey, boss: Pubkey, owner: Pubkey, units: int) -> Steps:
    """Into the owner's associated account, made if there is none."""
    account = spl_py.get_associated_token_address(owner, mint, program)
    made = spl_py.create_idempotent_associated_token_account(boss, owner, mint, program)
    params = MintToParams(
        program_id=program, mint=mint, dest=account, mint_authority=boss, amount=units
    )
    return [made, spl_py.mint_to(params)]


def token_row(network: Network, mint: Pubkey, program: Pubkey, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": spl.asset_of(network.id, mint),
        "kind": spl.KINDS[program],
        "symbol": "USDX",
        "name": "A dollar",
        "decimals": 6,
        "maximum": str(spl.UNITS_MAX),
        "traits": ["freeze-authority"],
    }
    return row | changes


def listed(network: Network, *rows: dict[str, Any]) -> Network:
    return built_in().with_rows([], list(rows)).networks[network.id]


class Bank:
    """The runtime alone, without blocks."""

    def __init__(self) -> None:
        self.svm = LiteSVM()
        self.boss = Keypair()
        self.svm.airdrop(self.boss.pubkey(), 1_000 * SOL)

    def run(self, steps: Steps, *keys: Keypair) -> Any:
        """The failure, or what it did."""
        signers = [self.boss, *keys]
        self.svm.expire_blockhash()
        message = MessageV0.try_compile(self.boss.pubkey(), steps, [], self.svm.latest_blockhash())
        return self.svm.send_transaction(VersionedTransaction(message, signers))

    def mint(
        self,
        program: Pubkey = LEGACY,
        traits: Sequence[str] = (),
        decimals: int = 6,
        freezes: bool = True,
    ) -> Pubkey:
        key = Keypair()
        rent = self.svm.minimum_balance_for_rent_exemption(mint_bytes(traits))
        steps = opening(self.boss.pubkey(), key.pubkey(), program, rent, decimals, traits, freezes)
        done = self.run(steps, key)
        assert not isinstance(done, FailedTransactionMetadata), done
        return key.pubkey()

    def data(self, key: Pubkey) -> bytes:
        account = self.svm.get_account(key)
        assert account is not None
        return bytes(account.data)
