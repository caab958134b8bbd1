"""The faucet's tokens: what stands for the issuers of the outside world.

Instructions are solana-py's; what is told of balances is read from the runtime's own accounts.
"""

from __future__ import annotations

from typing import Final

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import CreateAccountParams, create_account
from spl.token import instructions as theirs
from spl.token.constants import TOKEN_PROGRAM_ID
from spl.token.models import InitializeMintParams, MintToParams

from chains.devnet.solana_server.chain import FAUCET, Chain
from chains.devnet.solana_server.methods import Methods

_MINT_BYTES: Final = 82


class Tokens:
    """Amounts are base units."""

    def __init__(self, chain: Chain, methods: Methods) -> None:
        self._chain = chain
        self._methods = methods

    def issue(self, decimals: int) -> str:
        """A mint of the Token program, of which the faucet is the authority. Waits for a block."""
        mint, boss = Keypair(), FAUCET.pubkey()
        made = CreateAccountParams(
            from_pubkey=boss,
            to_pubkey=mint.pubkey(),
            lamports=self._methods.call("getMinimumBalanceForRentExemption", [_MINT_BYTES]),
            space=_MINT_BYTES,
            owner=TOKEN_PROGRAM_ID,
        )
        opened = InitializeMintParams(
            decimals=decimals,
            mint=mint.pubkey(),
            mint_authority=boss,
            program_id=TOKEN_PROGRAM_ID,
        )
        self._methods.by_faucet([create_account(made), theirs.initialize_mint(opened)], mint)
        return str(mint.pubkey())

    def fund(self, mint: str, owner: str, units: int) -> str:
        """New tokens for the owner's associated account, which is made if there is none."""
        token, to, boss = Pubkey.from_string(mint), Pubkey.from_string(owner), FAUCET.pubkey()
        account = theirs.get_associated_token_address(to, token, TOKEN_PROGRAM_ID)
        paid = MintToParams(
            program_id=TOKEN_PROGRAM_ID,
            mint=token,
            dest=account,
            mint_authority=boss,
            amount=units,
        )
        opened = theirs.create_idempotent_associated_token_account(
            boss, to, token, TOKEN_PROGRAM_ID
        )
        return self._methods.by_faucet([opened, theirs.mint_to(paid)])

    def balance(self, mint: str, owner: str) -> int:
        """In all accounts of the owner, at the tip."""
        held = self._chain.executor.token_accounts(
            Pubkey.from_string(owner), Pubkey.from_string(mint), self._chain.tip.slot
        )
        return sum(int.from_bytes(bytes(account.data)[64:72], "little") for _, account in held)

    def received(self, signature: str, mint: str, owner: str) -> int:
        """By the owner, in a transaction of the present fork."""
        found = self._chain.find(Signature.from_string(signature))
        if found is None:
            return 0
        _, done = found
        wanted = Pubkey.from_string(mint), Pubkey.from_string(owner)
        had, has = (
            sum(each.units for each in held if (each.mint, each.owner) == wanted)
            for held in (done.held_before, done.held_after)
        )
        return max(0, has - had)
