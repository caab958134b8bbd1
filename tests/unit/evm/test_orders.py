"""Permit2's own `approve`: an allowance that ends, read and written in one form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from eth_abi.abi import encode

from chains.catalogue import built_in
from chains.effects import OVER, Allow
from chains.errors import CallUnknown, NetworkInvalid, NodeMisbehaved
from chains.evm import orders
from chains.evm.calling import calling_of
from chains.hashes import keccak256
from chains.model import Address, AssetId
from tests.support.rows import abi, contract_row

NETWORK = built_in().find_network("ethereum")
CALLING = calling_of(NETWORK)
TOKEN = Address("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
ASSET = AssetId(f"{NETWORK.id}/erc20:{TOKEN}")
ME = Address("0x52908400098527886E0F7030069857D2E4169EE7")
SPENDER = Address("0x3535353535353535353535353535353535353535")
UNTIL = 1_900_000_000
MOMENT = datetime.fromtimestamp(UNTIL, UTC)
TYPES = ["address", "address", "uint160", "uint48"]


def approves(
    token: str = TOKEN, spender: str = SPENDER, units: int = 7, until: int = UNTIL
) -> bytes:
    """By another's encoder."""
    selector = keccak256(f"approve({','.join(TYPES)})".encode())[:4]
    return selector + bytes(encode(TYPES, [token, spender, units, until]))


@pytest.mark.parametrize(
    ("data", "allow"),
    [
        (approves(), Allow(SPENDER, ASSET, 7, MOMENT)),
        (approves(units=2**160 - 1), Allow(SPENDER, ASSET, None, MOMENT)),
        (approves(units=0, until=0), Allow(SPENDER, ASSET, 0, OVER)),
        (
            approves(until=253_402_300_799),
            Allow(SPENDER, ASSET, 7, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ),
    ],
)
def test_it_is_an_allowance_that_ends(data: bytes, allow: Allow) -> None:
    assert CALLING.understood(ME, orders.PERMIT2, data, 0) == (allow,)
    assert CALLING.of(allow, ME).data == data


UNREAD = {
    "in its own block": approves(until=0),
    "longer than a calendar goes": approves(until=253_402_300_800),
    "of what nobody listed": approves(token=SPENDER),
    "for nobody": approves(spender="0x" + "00" * 20),
    "for oneself": approves(spender=ME),
    "for the token": approves(spender=TOKEN),
    "for Permit2": approves(spender=orders.PERMIT2),
    "with dirty bits of the amount": approves()[:68] + b"\1" + approves()[69:],
    "with dirty bits of the end": approves()[:100] + b"\1" + approves()[101:],
    "with an octet behind": approves() + b"\0",
    "cut short": approves()[:-1],
}


@pytest.mark.parametrize("data", UNREAD.values(), ids=UNREAD)
def test_what_has_another_meaning_has_no_words(data: bytes) -> None:
    with pytest.raises(CallUnknown):
        CALLING.understood(ME, orders.PERMIT2, data, 0)


def test_coins_go_with_none_and_no_other_contract_is_permit2() -> None:
    for contract, value in ((orders.PERMIT2, 1), (SPENDER, 0), (TOKEN, 0)):
        with pytest.raises(CallUnknown):
            CALLING.understood(ME, contract, approves(), value)


@pytest.mark.parametrize(
    "allow",
    [
        Allow(SPENDER, ASSET, 7, MOMENT + timedelta(microseconds=1)),
        Allow(SPENDER, ASSET, 7, OVER - timedelta(seconds=1)),
        Allow(SPENDER, ASSET, 2**160 - 1, MOMENT),
        Allow(SPENDER, ASSET, 2**160, MOMENT),
        Allow(SPENDER, AssetId(f"{NETWORK.id}/erc20:{SPENDER}"), 7, MOMENT),
    ],
)
def test_words_that_have_no_bytes(allow: Allow) -> None:
    with pytest.raises(CallUnknown):
        CALLING.of(allow, ME)


def test_nobody_describes_it_otherwise() -> None:
    names = ("token", "spender", "amount", "expiration")
    fragment = abi("approve", *zip(names, TYPES, strict=True))
    row = contract_row(NETWORK.id, orders.PERMIT2, functions=[{"abi": fragment}])
    with pytest.raises(NetworkInvalid, match="the house reads this selector itself"):
        built_in().with_rows([], [], [row])


def test_what_is_left_ends() -> None:
    said = bytes(encode(["uint160", "uint48", "uint48"], [7, UNTIL, 3]))
    assert (orders.left(said, UNTIL), orders.left(said, UNTIL + 1)) == (7, 0)
    for other in (None, b"", said[:-1], said + bytes(32)):
        with pytest.raises(NodeMisbehaved):
            orders.left(other, UNTIL)
