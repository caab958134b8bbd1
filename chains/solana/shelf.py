"""Which nonce account of a source a transfer can have: read from the finalized chain."""

from __future__ import annotations

from collections.abc import Mapping

from solders.hash import Hash
from solders.pubkey import Pubkey

from chains.answers import chunks
from chains.errors import ClaimUnusable
from chains.solana import ACCOUNTS_PER_CALL
from chains.solana.claims import Claim
from chains.solana.nonce import SYSTEM_PROGRAM_KEY, accounts_of, parse_state
from chains.solana.rpc import Commitment, SolanaRpc
from chains.solana.values import Account


class Shelf:
    """The nonce accounts of one source as the node shows them, read as far as they are needed."""

    def __init__(self, rpc: SolanaRpc, source: Pubkey) -> None:
        self._rpc = rpc
        self._source = source
        self._unread = chunks(accounts_of(source), ACCOUNTS_PER_CALL)
        self._read: list[dict[Pubkey, Account | None]] = []

    async def first_free(self, busy: frozenset[Pubkey]) -> Claim:
        """Raises ClaimUnusable."""
        for shown in self._read:
            if (claim := self._free_among(shown, busy)) is not None:
                return claim
        for keys in self._unread:
            accounts = await self._rpc.accounts(keys, Commitment.FINALIZED)
            self._read.append(dict(zip(keys, accounts, strict=True)))
            if (claim := self._free_among(self._read[-1], busy)) is not None:
                return claim
        raise ClaimUnusable(
            "every nonce account of the source is in use",
            advice="wait for transfers to become final",
        )

    def _free_among(
        self, shown: Mapping[Pubkey, Account | None], busy: frozenset[Pubkey]
    ) -> Claim | None:
        creatable = None
        for key, account in shown.items():
            if key in busy:
                continue
            value = nonce_value(account, self._source)
            if value is not None:
                return Claim(key, value)
            if creatable is None and is_creatable(account):
                creatable = key
        return None if creatable is None else Claim(creatable)


def nonce_value(account: Account | None, source: Pubkey) -> Hash | None:
    """The current nonce value if the account is one that `source` can use."""
    if account is None or account.owner != SYSTEM_PROGRAM_KEY:
        return None
    state = parse_state(account.data)
    return state.value if state is not None and state.authority == source else None


def is_creatable(account: Account | None) -> bool:
    """Also when somebody has sent lamports there: allocation minds only data and owner."""
    return account is None or (account.owner == SYSTEM_PROGRAM_KEY and not account.data)
