"""Reads a v0 message back into the plan that makes it, or says in words what it can't explain.

The plan's fields are taken from where our two layouts have them; then the plan is built again, and
only if that gives the same bytes is the message explained. So every program, account, flag, seed
and index is checked at once, including those this module never looks at. Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.hash import Hash
from solders.message import MessageV0, from_bytes_versioned, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.transaction import SanitizeError

from chains.errors import MalformedTransaction
from chains.solana import SIGNATURE_BYTES, spl
from chains.solana.build import AnyPayment, Payment, TransferPlan, build_message
from chains.solana.nonce import SYSTEM_PROGRAM_KEY, index_of, value_of
from chains.solana.spl import Closing, TokenAllowance, TokenPayment, associated

_TRANSFER: Final = struct.Struct("<IQ")
_UNIT_PRICE: Final = struct.Struct("<BQ")
_UNIT_LIMIT: Final = struct.Struct("<BI")

_SYSTEM_NAMES: Final = {
    bytes((2, 0, 0, 0)): "Transfer",
    bytes((4, 0, 0, 0)): "AdvanceNonceAccount",
    bytes((6, 0, 0, 0)): "InitializeNonceAccount",
    bytes((9, 0, 0, 0)): "AllocateWithSeed",
}
_BUDGET_NAMES: Final = {bytes((2,)): "SetComputeUnitLimit", bytes((3,)): "SetComputeUnitPrice"}
"""The instructions our transactions consist of, by program and by the tag their data begins with
[solana-system-interface, solana-compute-budget-interface]."""

_BUDGET: Final = ("SetComputeUnitPrice", "SetComputeUnitLimit")
_WITH_NONCE: Final = ("AdvanceNonceAccount", *_BUDGET)
_CREATING_NONCE: Final = (*_BUDGET, "Transfer", "AllocateWithSeed", "InitializeNonceAccount")
"""What stands before the payments."""
_TOKEN_NAMES: Final = {spl.CHECKED_TAG: "TransferChecked", 26: "TransferCheckedWithFee"}
_ALLOWING: Final = "ApproveChecked"
_CLOSING: Final = "CloseAccount"
_PAYING: Final = frozenset(
    {"Transfer", "CreateIdempotent", _ALLOWING, _CLOSING, *_TOKEN_NAMES.values()}
)
_BEHIND: Final = frozenset({_ALLOWING, _CLOSING})
"""What stands behind the payments."""


class Unexplained(Exception):
    """The message is well-formed but not one of ours; `reasons` say where it differs."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction, its accounts resolved where the message itself holds them."""

    program: Pubkey | None
    name: str | None
    accounts: tuple[Pubkey | None, ...]
    data: bytes


class Payload(NamedTuple):
    """`origin`: the blockhash that the message's nonce value was made of, if it is known.
    `signature`: the second signer's, where he has signed."""

    message: MessageV0
    origin: Hash | None = None
    signature: bytes | None = None


def parse_payload(payload: bytes) -> Payload:
    """A message and, where they follow it, a blockhash, and behind that a signature, which is not
    verified here. A message says itself where it ends, so there is one way to read a payload.
    Raises MalformedTransaction, also for a blockhash that makes another value."""
    message = _message_at_the_start(payload)
    end = len(to_bytes_versioned(message))
    rest = payload[end:]
    if not rest:
        return Payload(parse_message(payload))
    if len(rest) not in (Hash.LENGTH, Hash.LENGTH + SIGNATURE_BYTES):
        raise MalformedTransaction("not the canonical encoding of the message")
    origin = Hash(rest[: Hash.LENGTH])
    if value_of(origin) != message.recent_blockhash:
        raise MalformedTransaction("the nonce value is made of another blockhash")
    return Payload(parse_message(payload[:end]), origin, rest[Hash.LENGTH :] or None)


def parse_message(payload: bytes) -> MessageV0:
    """Exactly one canonical v0 message. Raises MalformedTransaction."""
    message = _message_at_the_start(payload)
    if to_bytes_versioned(message) != payload:
        raise MalformedTransaction("not the canonical encoding of the message")
    return message


def _message_at_the_start(payload: bytes) -> MessageV0:
    try:
        message = from_bytes_versioned(payload)
        if not isinstance(message, MessageV0):
            raise MalformedTransaction("not a version 0 message")
        message.sanitize()
    except (ValueError, SanitizeError) as error:
        raise MalformedTransaction(f"not a Solana message: {error}") from error
    return message


def explain(message: MessageV0) -> TransferPlan:
    """The plan that `build_message` turns into exactly this message. Raises Unexplained."""
    steps = _steps(message)
    names = tuple(step.name for step in steps)
    if _pays_behind(_WITH_NONCE, names):
        plan = _read_with_nonce(message, steps)
    elif _pays_behind(_CREATING_NONCE, names):
        plan = _read_creating_nonce(message, steps)
    else:
        raise Unexplained(*_differences(message, steps))
    if build_message(plan) != to_bytes_versioned(message):
        raise Unexplained("accounts, flags or arguments differ from those of our transfers")
    _check_sense(plan)
    return plan


def _pays_behind(layout: tuple[str, ...], names: tuple[str | None, ...]) -> bool:
    paying = names[len(layout) :]
    return names[: len(layout)] == layout and bool(paying) and _PAYING.issuperset(paying)


def _check_sense(plan: TransferPlan) -> None:
    """What is built as ours but would not do what a transfer says."""
    for each in plan.payments:
        if each.recipient == plan.nonce_account:
            raise Unexplained("pays its own nonce account")
        if isinstance(each, TokenPayment):
            _check_token(plan, each)
        elif each.lamports == 0 and each.recipient != plan.source:
            raise Unexplained("pays nothing")
    for allowed in plan.allowances:
        own = {plan.source, plan.nonce_account, allowed.account, allowed.mint, SYSTEM_PROGRAM_KEY}
        if allowed.spender in own:
            raise Unexplained("allows tokens to somebody who can't be meant")
    if plan.closings:
        _check_closings(plan)
    if plan.owner is not None:
        _check_second(plan)


def _check_second(plan: TransferPlan) -> None:
    """What two sign is one payment of the second's tokens and nothing else, so that the first gives
    fee and rent, and nothing of his comes or goes by it."""
    first = plan.payments[0] if len(plan.payments) == 1 else None
    beside = plan.allowances or plan.closings or plan.creates_nonce
    if beside or not isinstance(first, TokenPayment):
        raise Unexplained("two sign something else than one payment of tokens")
    if first.fee is not None:
        raise Unexplained("two sign a payment of which its mint withholds a part")
    own = associated(plan.source, first.mint, first.program)
    if first.recipient == plan.source or own in (first.account, first.paid):
        raise Unexplained("pays tokens out of, or to, an account of who pays for the transaction")


def _check_closings(plan: TransferPlan) -> None:
    """They stand beside what people agreed to, and touch nothing of it: what is sent back to its
    payer alone is a cancel, and closes nothing."""
    closed = [each.account for each in plan.closings]
    paid = {each.paid for each in plan.payments}
    lent = {each.account for each in plan.allowances}
    if not lent and paid <= {plan.source}:
        raise Unexplained("closes accounts and does nothing else")
    if len(set(closed)) < len(closed) or not (paid | lent).isdisjoint(closed):
        raise Unexplained("closes an account that it pays, allows of or closes already")


def _check_token(plan: TransferPlan, payment: TokenPayment) -> None:
    if payment.units == 0:
        raise Unexplained("pays nothing")
    if payment.recipient in (plan.owner or plan.source, payment.account):
        raise Unexplained("pays tokens to itself")
    if payment.opens and not payment.recipient.is_on_curve():
        raise Unexplained("makes a token account for an address that has no key")


def _read_with_nonce(message: MessageV0, steps: Sequence[_Step]) -> TransferPlan:
    advance, price, limit, *payments = steps
    return _plan(message, price, limit, payments, _first(advance.accounts), rent=0)


def _read_creating_nonce(message: MessageV0, steps: Sequence[_Step]) -> TransferPlan:
    price, limit, funding, _, _, *payments = steps
    account, rent = _transfer(funding)
    if rent == 0:
        raise Unexplained("creates a nonce account without rent")
    return _plan(message, price, limit, payments, account, rent)


def _plan(
    message: MessageV0,
    price: _Step,
    limit: _Step,
    payments: Sequence[_Step],
    nonce_account: Pubkey | None,
    rent: int,
) -> TransferPlan:
    source = message.account_keys[0]
    index = index_of(source, nonce_account) if nonce_account is not None else None
    two = message.header.num_required_signatures == 2
    if index is None:
        raise Unexplained("the nonce account is not one of the fee payer's own")
    return TransferPlan(
        source=source,
        payments=tuple(_payments([each for each in payments if each.name not in _BEHIND])),
        nonce_index=index,
        lifetime=Hash(bytes(message.recent_blockhash)),
        unit_limit=_integer(_UNIT_LIMIT, limit),
        unit_price=_integer(_UNIT_PRICE, price),
        rent=rent,
        allowances=tuple(_allowance(each) for each in payments if each.name == _ALLOWING),
        closings=tuple(_closing(each) for each in payments if each.name == _CLOSING),
        owner=message.account_keys[1] if two else None,
    )


def _payments(steps: Sequence[_Step]) -> Iterator[AnyPayment]:
    """What makes a token account stands before what pays it."""
    waiting = iter(steps)
    for step in waiting:
        if step.name == "Transfer":
            yield _transfer(step)
        elif step.name != "CreateIdempotent":
            yield _token(step, None)
        elif (then := next(waiting, None)) is None or then.name not in _TOKEN_NAMES.values():
            raise Unexplained("makes a token account and does not pay it")
        else:
            yield _token(then, step)


def _token(step: _Step, opening: _Step | None) -> TokenPayment:
    keys = [key for key in step.accounts if key is not None]
    owner = None if opening is None or len(opening.accounts) != 6 else opening.accounts[2]
    if step.program is None or len(keys) != 4 or (opening is not None and owner is None):
        raise Unexplained("a token is paid with other accounts than its payment has")
    account, mint, paid, _ = keys
    units, decimals, *fee = _numbers(step)
    return TokenPayment(
        recipient=owner or paid,
        units=units,
        mint=mint,
        program=step.program,
        decimals=decimals,
        account=account,
        opens=opening is not None,
        fee=fee[0] if fee else None,
    )


def _allowance(step: _Step) -> TokenAllowance:
    keys = [key for key in step.accounts if key is not None]
    if step.program is None or len(keys) != 4:
        raise Unexplained("tokens are allowed with other accounts than an allowance has")
    account, mint, spender, _ = keys
    units, decimals = _numbers(step)
    return TokenAllowance(spender, units, mint, step.program, decimals, account)


def _closing(step: _Step) -> Closing:
    """Who is paid and who owns it are the payer, or building it again gives other bytes."""
    account = step.accounts[0] if len(step.accounts) == 3 else None
    if step.program is None or account is None:
        raise Unexplained("an account is closed with other accounts than a closing has")
    return Closing(account, step.program)


def _numbers(step: _Step) -> list[int]:
    """Base units and decimals, and what is withheld where that is said."""
    layout = spl.WITH_FEE if step.name == _TOKEN_NAMES[26] else spl.CHECKED
    if len(step.data) != layout.size:
        raise Unexplained(f"{step.name} with {len(step.data)} bytes of data")
    return list(layout.unpack(step.data)[1:])


def _transfer(step: _Step) -> Payment:
    lamports = _integer(_TRANSFER, step)
    recipient = step.accounts[1] if len(step.accounts) == 2 else None
    if recipient is None:
        raise Unexplained("a Transfer with other than two accounts of the message's own")
    return Payment(recipient, lamports)


def _first(accounts: Sequence[Pubkey | None]) -> Pubkey | None:
    return accounts[0] if accounts else None


def _integer(layout: struct.Struct, step: _Step) -> int:
    """The one argument of an instruction whose data is a tag and an integer."""
    if len(step.data) != layout.size:
        raise Unexplained(f"{step.name} with {len(step.data)} bytes of data")
    value: int = layout.unpack(step.data)[1]
    return value


def _steps(message: MessageV0) -> list[_Step]:
    keys = message.account_keys
    steps = []
    for instruction in message.instructions:
        program = _key(keys, instruction.program_id_index)
        data = bytes(instruction.data)
        steps.append(
            _Step(
                program=program,
                name=_name(program, data),
                accounts=tuple(_key(keys, index) for index in bytes(instruction.accounts)),
                data=data,
            )
        )
    return steps


def _key(keys: Sequence[Pubkey], index: int) -> Pubkey | None:
    """None for an account that only a lookup table on the chain could name."""
    return keys[index] if index < len(keys) else None


def _name(program: Pubkey | None, data: bytes) -> str | None:
    if program == SYSTEM_PROGRAM_KEY:
        return _SYSTEM_NAMES.get(data[:4])
    if program == COMPUTE_BUDGET:
        return _BUDGET_NAMES.get(data[:1])
    if program in spl.KINDS and data == spl.CLOSE:
        return _CLOSING
    if program in spl.KINDS and data:
        return _ALLOWING if data[0] == spl.APPROVE_CHECKED_TAG else _TOKEN_NAMES.get(data[0])
    if program == spl.ASSOCIATED:
        return "CreateIdempotent" if data == spl.CREATE_IDEMPOTENT else None
    return None


def _differences(message: MessageV0, steps: Sequence[_Step]) -> list[str]:
    """Why the message is neither of our layouts, for people."""
    reasons = [
        f"instruction {number} calls program {step.program or 'from a lookup table'}"
        f" with data {step.data[:8].hex() or 'empty'}"
        for number, step in enumerate(steps)
        if step.name is None
    ]
    if message.header.num_required_signatures != 1:
        reasons.append(f"{message.header.num_required_signatures} signatures are required")
    if message.address_table_lookups:
        reasons.append("accounts come from address lookup tables")
    if not reasons:
        listed = ", ".join(str(step.name) for step in steps)
        reasons.append(f"its instructions are none of our transfers: {listed or 'none at all'}")
    return reasons
