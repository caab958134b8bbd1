"""What a transaction does to the world, in the words that people agree to. A closed union.

An `Effect` is agreed to one by one: whoever signs a mandate was shown each. A `Return` and a
`Create` are not, because a request is accepted before any node is asked (ADR 0004): the signer
checks the first by deriving the address, and the second by the bound on rent. Values only. Amounts
are base units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from chains.model import Address, AssetId

OVER: Final = datetime.fromtimestamp(0, UTC)
"""When an allowance of nothing ends that takes the place of one which had an end."""


@dataclass(frozen=True, slots=True)
class Pay:
    """`amount` (> 0) of `asset` goes to `address`. `memo` is part of who is paid: at an account
    that several people share it decides whose money it is. None on chains without memos."""

    address: Address
    asset: AssetId
    amount: int
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class Allow:
    """`spender` may take up to `amount` of `asset` later (None: any amount), until `expires_at`
    (None: for ever). ERC-20 approve, SPL delegate, EIP-2612 permit, whose deadline ends its being
    submitted and not what it allows. On EVM networks one that ends is Permit2's: it stands beside
    the token's own for the same spender."""

    spender: Address
    asset: AssetId
    amount: int | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Call:
    """A described function of `contract`, named by its whole signature, with decoded arguments
    (name, value as text). `value`: native base units that go with it. `outcome`: bounds that were
    agreed on, as canonical JSON (`chains.outcomes`): what it may lead to, which no byte of it says.
    So two that differ in nothing else are the same call. `moves`: what else the contract takes, in
    base units, as far as its description says so."""

    contract: Address
    function: str
    arguments: tuple[tuple[str, str], ...]
    value: int
    outcome: tuple[str, ...] = field(default=(), compare=False)
    moves: tuple[tuple[AssetId, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Sign:
    """A message: EIP-191, EIP-712, BIP-322 and the like (`kind`), for `domain`."""

    kind: str
    domain: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Delegate:
    """Hands `account` itself to `code` or to another key: EIP-7702, Solana Assign, a TRON
    permission update. `chain`: the CAIP-2 id where it holds, None for every chain. `nonce`: the
    account's, where it is part of what is signed. An EIP-7702 authorization is a signed thing of
    its own, which outlives the transaction that carried it."""

    account: Address
    code: Address
    chain: str | None
    nonce: int | None


Effect = Pay | Allow | Call | Sign | Delegate
Told = Allow | Call
"""What a contract is told, where nobody is paid. A token's `approve` is the first."""
Asked = Pay | Told
"""What custody has a transaction do. A message may do more: see `chains.messages`."""


@dataclass(frozen=True, slots=True)
class Return:
    """Back to an address of the source's own account: change, a sweep, the rent of an account that
    is closed. `amount`: 0 where the bytes don't say it. `path`: where the container claims that the
    address derives; None: the paying address itself. A claim, not a fact: who relies on it derives
    `path` and compares the address."""

    address: Address
    asset: AssetId
    amount: int
    path: str | None


@dataclass(frozen=True, slots=True)
class Create:
    """An account is made and `rent` native base units are put into it. `holder`: who can close it
    and take the rent; ours if it is the source."""

    account: Address
    holder: Address
    rent: int
