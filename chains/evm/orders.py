"""Typed data that gives something away by Permit2. Pure.

Permit2 (one contract, the same on all networks) lets a spender take tokens: up to an amount until
an expiration (PermitSingle, PermitBatch), or once before a deadline (PermitTransferFrom,
PermitBatchTransferFrom). Each is an allowance of each token. With a witness it is an order, of
which the witness says what comes back; that has no words here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from chains.contracts.typed import DOMAIN, Members, TypedData
from chains.effects import Allow, Effect
from chains.evm import erc20
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


def _allowed(
    network: Network,
    sender: Address,
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


def _moment(seconds: int) -> datetime | None:
    """None: for longer than a calendar goes. Rounded down to nothing by nobody: whole seconds."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
