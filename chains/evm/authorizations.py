"""Which nonces a block's EIP-7702 authorizations used up. Pure.

An authorization is signed by an account and sent by anybody. It takes effect, and the account's
next nonce, only if that nonce is the one that it names; a block does not show whether it did, nor
do receipts or traces. The account's nonce before and after the block does: what lies between was
used up in this block, by a transaction of the account or by the authorization that names it.

What a delegated account's code creates uses up nonces too, and names them nowhere. Those are not
told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coincurve import PublicKey

from chains.evm import CURVE_ORDER, rlp
from chains.evm.address import derive
from chains.hashes import keccak256
from chains.model import Address, TxId
from chains.networks import Network

Json = Mapping[str, Any]

_MAGIC: Final = b"\x05"


@dataclass(frozen=True, slots=True)
class Authorization:
    """`authority` signed that `nonce` of its own is for this; `txid` carries it."""

    authority: Address
    nonce: int
    txid: TxId


def authorizations(network: Network, block: Json) -> list[Authorization]:
    """Those for this network whose signature is good, in the order of the block."""
    return [
        Authorization(authority, int(each["nonce"], 16), TxId(tx["hash"]))
        for tx in block["transactions"]
        for each in tx.get("authorizationList") or ()
        if int(each["chainId"], 16) in (0, network.number("chain_id"))
        and (authority := _authority(each)) is not None
    ]


def authorities(signed: Iterable[Authorization]) -> list[Address]:
    """Who signed, each once."""
    return list(dict.fromkeys(each.authority for each in signed))


def used(signed: Sequence[Authorization], counts: Sequence[int]) -> Iterator[Authorization]:
    """Those that used up a nonce, unless the account's own transaction did. `counts`: for each of
    `authorities` its next nonce before the block and after it."""
    between = {
        authority: range(*counts[2 * at : 2 * at + 2])
        for at, authority in enumerate(authorities(signed))
    }
    return (each for each in signed if each.nonce in between[each.authority])


def _authority(each: Json) -> Address | None:
    """Who signed it (EIP-7702, "Behavior", step 3); None if the chain would not take it."""
    delegate = bytes.fromhex(each["address"][2:])
    numbers = (rlp.encode_int(int(each[name], 16)) for name in ("chainId", "nonce"))
    chain_id, nonce = numbers
    digest = keccak256(_MAGIC + rlp.encode([chain_id, delegate, nonce]))
    r, s, parity = (int(each[name], 16) for name in ("r", "s", "yParity"))
    if not (0 < r < CURVE_ORDER and 0 < s <= CURVE_ORDER // 2 and parity in (0, 1)):
        return None
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except ValueError:
        return None
    return derive(key.format())
