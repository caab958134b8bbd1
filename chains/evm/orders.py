"""What gives something away by Permit2: typed data, and calldata of its own `approve`. Pure.

Permit2 (one contract, the same on all networks) lets a spender take tokens: up to an amount until
an expiration (PermitSingle, PermitBatch), or once before a deadline (PermitTransferFrom,
PermitBatchTransferFrom). Each is an allowance of each token. With a witness it is an order, of
which the witness says what comes back; that has no words here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from chains import abi
from chains.contracts.functions import Function
from chains.contracts.typed import DOMAIN, Members, TypedData
from chains.contracts.types import parse_type
from chains.effects import OVER, Allow, Effect
from chains.errors import CallUnknown, MalformedTransaction, NodeMisbehaved
from chains.evm import address, erc20
from chains.evm.address import to_bytes
from chains.messages.errors import TypedDataUndescribed
from chains.model import Address
from chains.networks import Network

PERMIT2: Final = Address("0x000000000022D473030F116dDEE9F6B43aC78BA3")
_NAME: Final = "Permit2"
_AMOUNT_MAX: Final = 2**160 - 1
"""Of an allowance by Permit2; so much means without a bound."""
_TRANSFER_MAX: Final = 2**256 - 1
_DOMAIN: Final[Members] = (
    ("name", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_ALLOWANCE: Final = abi.selector("allowance(address,address,address)")
_LAST: Final = 253_402_300_799
"""The last second that a calendar has: the year 9999. What ends later is as good as without end."""
_DETAILS: Final[Members] = (
    ("token", "address"),
    ("amount", "uint160"),
    ("expiration", "uint48"),
    ("nonce", "uint48"),
)
_PERMISSIONS: Final[Members] = (("token", "address"), ("amount", "uint256"))
_TYPES: Final[Mapping[str, Mapping[str, Members]]] = {
    "PermitSingle": {
        DOMAIN: _DOMAIN,
        "PermitDetails": _DETAILS,
        "PermitSingle": (
            ("details", "PermitDetails"),
            ("spender", "address"),
            ("sigDeadline", "uint256"),
        ),
    },
    "PermitBatch": {
        DOMAIN: _DOMAIN,
        "PermitDetails": _DETAILS,
        "PermitBatch": (
            ("details", "PermitDetails[]"),
            ("spender", "address"),
            ("sigDeadline", "uint256"),
        ),
    },
    "PermitTransferFrom": {
        DOMAIN: _DOMAIN,
        "TokenPermissions": _PERMISSIONS,
        "PermitTransferFrom": (
            ("permitted", "TokenPermissions"),
            ("spender", "address"),
            ("nonce", "uint256"),
            ("deadline", "uint256"),
        ),
    },
    "PermitBatchTransferFrom": {
        DOMAIN: _DOMAIN,
        "TokenPermissions": _PERMISSIONS,
        "PermitBatchTransferFrom": (
            ("permitted", "TokenPermissions[]"),
            ("spender", "address"),
            ("nonce", "uint256"),
            ("deadline", "uint256"),
        ),
    },
}


def permit2(network: Network, sender: Address, data: TypedData) -> tuple[tuple[Effect, ...], int]:
    """The allowances, and the last second at which they can be had. Raises TypedDataUndescribed."""
    if _TYPES.get(data.primary) != data.types or data.domain["name"] != _NAME:
        raise TypedDataUndescribed(f"{data.primary} for Permit2 is in no form that has words here")
    said = data.message
    lasting = "details" in said
    given = said["details" if lasting else "permitted"]
    deadline = int(said["sigDeadline" if lasting else "deadline"])
    each = given if isinstance(given, list) else [given]
    if not each:
        raise TypedDataUndescribed("an allowance of nothing")
    effects = tuple(
        _allowed(network, sender, said["spender"], one, deadline, lasting=lasting) for one in each
    )
    return effects, deadline


APPROVE: Final = Function(
    "approve",
    tuple((name, parse_type(kind)) for name, kind in (("token", "address"), ("spender", "address"),
          ("amount", "uint160"), ("expiration", "uint48"))),
    payable=False,
    changes=True,
)  # fmt: skip


def told(network: Network, sender: Address | None, data: bytes) -> Allow:
    """What calldata of `approve` allows. Raises CallUnknown."""
    try:
        values: Any = APPROVE.read(data)
        token, spender, amount, ends = values
        given = {"token": address.spell(token), "amount": amount, "expiration": ends}
        named = address.spell(spender)
        found = _allowed(network, sender, named, given, 0, lasting=True)
    except (MalformedTransaction, TypedDataUndescribed) as error:
        raise CallUnknown(f"no allowance by Permit2: {error}") from error
    if ends > _LAST or (not ends and amount):
        raise CallUnknown("an allowance by Permit2 that ends in its own block, or never")
    return found


def data_of(network: Network, allow: Allow) -> bytes:
    """The calldata of an allowance that ends. Raises CallUnknown for a token that is not listed."""
    if allow.expires_at is None or allow.asset not in network.tokens:
        raise CallUnknown("no allowance by Permit2 of a listed token")
    token = to_bytes(erc20.contract_of(network.id, allow.asset))
    amount = _AMOUNT_MAX if allow.amount is None else allow.amount
    try:
        ends = int((allow.expires_at - OVER).total_seconds())
        return APPROVE.call([token, to_bytes(allow.spender), amount, ends])
    except ValueError as error:
        raise CallUnknown(f"no allowance by Permit2: {error}") from error


def question(owner: Address, token: Address, spender: Address) -> bytes:
    """Asks Permit2 what the spender may take."""
    return _ALLOWANCE + b"".join(abi.PADDING + to_bytes(each) for each in (owner, token, spender))


def left(said: bytes | None, now: int) -> int:
    """Of Permit2's answer: base units at a time (Unix seconds). Raises NodeMisbehaved."""
    if said is None or len(said) != 3 * abi.WORD:
        raise NodeMisbehaved("nobody answers for Permit2 there")
    units, ends = (int.from_bytes(said[at : at + 32], "big") for at in (0, 32))
    return units if now <= ends else 0


def _allowed(
    network: Network,
    sender: Address | None,
    spender: Address,
    given: Mapping[str, Any],
    deadline: int,
    *,
    lasting: bool,
) -> Allow:
    asset = erc20.asset_of(network.id, given["token"])
    if asset not in network.tokens:
        raise TypedDataUndescribed("an allowance of a token that is not listed")
    if not int(spender, 16) or spender in (sender, given["token"], PERMIT2):
        raise TypedDataUndescribed("for nobody, for its signer or for the contract itself")
    amount = int(given["amount"])
    most = _AMOUNT_MAX if lasting else _TRANSFER_MAX
    # Without an expiration it ends in the block that takes it, which the deadline bounds.
    ends = (int(given["expiration"]) if lasting else 0) or deadline
    return Allow(spender, asset, None if amount == most else amount, _moment(ends))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(min(seconds, _LAST), UTC)
