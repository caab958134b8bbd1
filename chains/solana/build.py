"""The two transactions we make, as v0 messages: payments, with or without a new nonce account.

With a nonce account that exists (`rent == 0`):

    AdvanceNonceAccount, SetComputeUnitPrice, SetComputeUnitLimit, then each payment

on the account's nonce value, so that the transaction never expires, and of those on one value that
is the account's own only one is ever in a block. Without a free one, the transfer makes the next:

    SetComputeUnitPrice, SetComputeUnitLimit,
    Transfer (rent), AllocateWithSeed, InitializeNonceAccount, then each payment

on a recent blockhash. A payment is a Transfer of lamports; of tokens, CreateIdempotent (where a
wallet is paid) and TransferChecked or TransferCheckedWithFee. Behind all payments, or instead of
them, may stand allowances of tokens, each an ApproveChecked; and last, behind any of these,
closings of the payer's empty token accounts, each a CloseAccount.

One payment of tokens may be another's (`TransferPlan.owner`): then he signs too, and who pays for
the transaction gives nothing but the fee and the rent of the payee's account.

Allocation fails on an account that has data, so of all transactions that create the same account at
most one takes effect; the others may be in blocks all the same, and each pays its fee. Transfer and
AllocateWithSeed stand where CreateAccountWithSeed would do, because that one fails on any account
that already holds a lamport, and everybody can compute the address and send one there. All
instructions take effect or none.

Pure. The codec reads a message by building it again from here: one definition of what we sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import (
    AdvanceNonceAccountParams,
    AllocateWithSeedParams,
    InitializeNonceAccountParams,
    TransferParams,
    advance_nonce_account,
    allocate_with_seed,
    initialize_nonce_account,
    transfer,
)

from chains.solana import (
    LAMPORTS_PER_SIGNATURE,
    MICRO_LAMPORTS,
    NONCE_ACCOUNT_BYTES,
    NONCE_ACCOUNTS_MAX,
    SIGNATURE_BYTES,
)
from chains.solana.nonce import SYSTEM_PROGRAM_KEY, accounts_of, seed
from chains.solana.spl import Closing, TokenAllowance, TokenPayment, rent_most


class Payment(NamedTuple):
    """`lamports` go to `recipient`."""

    recipient: Pubkey
    lamports: int

    @property
    def paid(self) -> Pubkey:
        return self.recipient


AnyPayment = Payment | TokenPayment


_SOMEBODY: Final = Pubkey(b"\x01" * 32)
"""A source that pays nobody."""


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """`rent` in lamports, `unit_price` in micro-lamports per compute unit. `payments`, then
    `allowances`: at least one of them all; then `closings`; in the order of the instructions.

    `source` pays for the transaction, and for all that it does unless `owner` does: whose tokens
    are paid then, and who signs beside.

    `lifetime` is the nonce value of account `nonce_index`, or a recent blockhash where the
    transaction creates that account with `rent`. `origin`: the blockhash that the nonce value was
    made of, if it is known; the message does not hold it.
    """

    source: Pubkey
    payments: tuple[AnyPayment, ...]
    nonce_index: int
    lifetime: Hash
    unit_limit: int
    unit_price: int
    rent: int = 0
    origin: Hash | None = None
    allowances: tuple[TokenAllowance, ...] = ()
    closings: tuple[Closing, ...] = ()
    owner: Pubkey | None = None

    @property
    def signers(self) -> int:
        return 1 if self.owner is None else 2

    @property
    def creates_nonce(self) -> bool:
        return self.rent > 0

    @property
    def nonce_account(self) -> Pubkey:
        return accounts_of(self.source)[self.nonce_index]

    @property
    def amount(self) -> int:
        """Lamports of all payments together."""
        return sum(each.lamports for each in self.payments if isinstance(each, Payment))

    @property
    def tokens(self) -> tuple[TokenPayment, ...]:
        return tuple(each for each in self.payments if isinstance(each, TokenPayment))

    @property
    def opened(self) -> dict[Pubkey, tuple[Pubkey, int]]:
        """By token account that is made if there is none, its owner and the most that it costs."""
        return {
            each.paid: (each.recipient, rent_most(each.program))
            for each in self.tokens
            if each.opens
        }

    @property
    def rent_most(self) -> int:
        """Lamports that may go into new accounts."""
        return self.rent + sum(rent for _, rent in self.opened.values())

    @property
    def fee(self) -> int:
        """What the network charges, also when the transaction fails: the signatures and the
        priority fee, rounded up."""
        priority = -(-self.unit_limit * self.unit_price // MICRO_LAMPORTS)
        return self.signers * LAMPORTS_PER_SIGNATURE + priority


def build_message(plan: TransferPlan) -> bytes:
    """The v0 message, version byte included: exactly the bytes that are signed."""
    message = MessageV0.try_compile(plan.source, instructions(plan), [], plan.lifetime)
    return to_bytes_versioned(message)


def build_payload(plan: TransferPlan) -> bytes:
    """The message and, behind it, where its nonce value comes from, if that is known."""
    return build_message(plan) + (b"" if plan.origin is None else bytes(plan.origin))


def instructions(plan: TransferPlan) -> list[Instruction]:
    """What the message does, in order."""
    return _creating(plan) if plan.creates_nonce else _advancing(plan)


def _advancing(plan: TransferPlan) -> list[Instruction]:
    advance = AdvanceNonceAccountParams(
        nonce_pubkey=plan.nonce_account, authorized_pubkey=plan.source
    )
    # The runtime looks for the nonce in the first instruction only.
    return [advance_nonce_account(advance), *_budget(plan), *_payments(plan)]


def _creating(plan: TransferPlan) -> list[Instruction]:
    allocate = AllocateWithSeedParams(
        address=plan.nonce_account,
        base=plan.source,
        seed=seed(plan.nonce_index),
        space=NONCE_ACCOUNT_BYTES,
        owner=SYSTEM_PROGRAM_KEY,
    )
    initialize = InitializeNonceAccountParams(
        nonce_pubkey=plan.nonce_account, authority=plan.source
    )
    return [
        *_budget(plan),
        _pay(plan, Payment(plan.nonce_account, plan.rent)),
        allocate_with_seed(allocate),
        initialize_nonce_account(initialize),
        *_payments(plan),
    ]


def _budget(plan: TransferPlan) -> list[Instruction]:
    return [set_compute_unit_price(plan.unit_price), set_compute_unit_limit(plan.unit_limit)]


def _payments(plan: TransferPlan) -> list[Instruction]:
    paying = [step for each in plan.payments for step in steps_of(plan, each)]
    allowing = [each.instruction(plan.source) for each in plan.allowances]
    closing = [each.instruction(plan.source) for each in plan.closings]
    return [*paying, *allowing, *closing]


def steps_of(plan: TransferPlan, payment: AnyPayment) -> list[Instruction]:
    if isinstance(payment, TokenPayment):
        return payment.instructions(plan.source, plan.owner or plan.source)
    return [_pay(plan, payment)]


def _pay(plan: TransferPlan, payment: Payment) -> Instruction:
    to, lamports = payment
    return transfer(TransferParams(from_pubkey=plan.source, to_pubkey=to, lamports=lamports))


def size_of(plan: TransferPlan) -> int:
    """Bytes of the signed transaction."""
    return 1 + plan.signers * SIGNATURE_BYTES + len(build_message(plan))


def size_max(payments: Sequence[AnyPayment]) -> int:
    """Bytes of the largest signed transaction that makes the payments: the one that also makes the
    last of a source's nonce accounts. No key of the source, of a nonce account or of a payee
    changes it, only how many different payees there are."""
    largest = TransferPlan(
        source=_SOMEBODY,
        payments=tuple(payments),
        nonce_index=NONCE_ACCOUNTS_MAX - 1,
        lifetime=Hash.default(),
        unit_limit=0,
        unit_price=0,
        rent=1,
    )
    return size_of(largest)
