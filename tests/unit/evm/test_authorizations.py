"""Which nonces EIP-7702 authorizations used up, told from a block and two counts an account."""

from __future__ import annotations

from typing import Any

from coincurve import PrivateKey
from eth_account import Account

from chains.evm import CURVE_ORDER
from chains.evm.address import derive
from chains.evm.authorizations import Authorization, authorities, authorizations, used
from chains.model import TxId
from tests.support.networks import find_network

ETHEREUM = find_network("ethereum")
KEY, SECOND = PrivateKey(b"\1" * 32), PrivateKey(b"\2" * 32)
AUTHORITY, OTHER = (derive(key.public_key.format()) for key in (KEY, SECOND))
DELEGATE = "0x" + "d1" * 20
FIRST, LATER = TxId("0x" + "f1" * 32), TxId("0x" + "1a" * 32)


def signed(nonce: int, *, chain_id: int = 1, key: PrivateKey = KEY) -> dict[str, Any]:
    """As eth_account signs it, which is not our code."""
    fields = {"chainId": chain_id, "address": DELEGATE, "nonce": nonce}
    made = Account.sign_authorization(fields, key.secret)
    return {
        "chainId": hex(made.chain_id),
        "address": DELEGATE,
        "nonce": hex(made.nonce),
        "yParity": hex(made.y_parity),
        "r": hex(made.r),
        "s": hex(made.s),
    }


def block(*lists: list[dict[str, Any]]) -> dict[str, Any]:
    carried = zip((FIRST, LATER), lists, strict=False)
    transactions = [{"hash": txid, "authorizationList": each} for txid, each in carried]
    return {"hash": "0xbb", "parentHash": "0xaa", "transactions": [{"hash": "0x0"}, *transactions]}


def found(*lists: list[dict[str, Any]]) -> list[Authorization]:
    return authorizations(ETHEREUM, block(*lists))


def test_the_signer_is_recovered() -> None:
    assert found([signed(3)], [signed(4, chain_id=0), signed(0, key=SECOND)]) == [
        Authorization(AUTHORITY, 3, FIRST),
        Authorization(AUTHORITY, 4, LATER),
        Authorization(OTHER, 0, LATER),
    ]


def test_what_the_chain_does_not_take_is_passed_over() -> None:
    good = signed(3)
    s = int(good["s"], 16)
    high = good | {"s": hex(CURVE_ORDER - s), "yParity": hex(1 - int(good["yParity"], 16))}
    bad = [high, good | {"yParity": "0x2"}, good | {"r": "0x0"}, good | {"s": "0x0"}]
    bad += [good | {"r": hex(CURVE_ORDER)}, good | {"r": "0x5"}, signed(3, chain_id=5)]
    assert found(bad) == []


def test_each_account_counts_once() -> None:
    lists = [signed(3), signed(4)], [signed(0, key=SECOND)]
    assert authorities(found(*lists)) == [AUTHORITY, OTHER]


def test_only_what_lies_between_the_counts_was_used_up() -> None:
    """One that names a nonce of before, or one that comes later, did nothing."""
    lists = [signed(2), signed(3), signed(5)], [signed(0, key=SECOND), signed(3)]
    told = list(used(found(*lists), [3, 4, 0, 0]))
    assert told == [Authorization(AUTHORITY, 3, FIRST), Authorization(AUTHORITY, 3, LATER)]
    assert list(used(found(*lists), [3, 3, 0, 1])) == [Authorization(OTHER, 0, LATER)]
