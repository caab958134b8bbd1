"""The outside wallet of the local TRON chain: the only account that begins with money.

Its key is no secret: the chain's money is worth nothing.
"""

from __future__ import annotations

from hashlib import sha256
from secrets import randbelow

from coincurve import PrivateKey
from Crypto.Hash import keccak

from chains.devnet.tron_server import wire
from chains.devnet.tron_server.chain import Chain

_KEY = PrivateKey(sha256(b"the faucet of the local TRON chain").digest())
_POINT = _KEY.public_key.format(compressed=False)[1:]
ADDRESS = b"\x41" + keccak.new(digest_bits=256, data=_POINT).digest()[-20:]

_FEE_LIMIT = 10_000_000_000
_LIFETIME_MS = 60 * 60 * 1000
_TIMESTAMP_SPREAD_MS = 10**12


def pay(chain: Chain, recipient: bytes, amount: int) -> str:
    """Submit a payment from the faucet; its transaction id. Raises Refused."""
    return send(chain, wire.Transfer(ADDRESS, recipient, amount)).id


def send(chain: Chain, body: wire.Body) -> wire.Transaction:
    """Submit whatever the faucet, its owner, wants. Raises Refused.

    The timestamp, which the chain does not check, keeps equal transactions apart.
    """
    reference = chain.solid
    raw_data = wire.write(
        body,
        reference.number.to_bytes(8)[6:],
        reference.id[8:16],
        chain.head.timestamp_ms + _LIFETIME_MS,
        1 + randbelow(_TIMESTAMP_SPREAD_MS),
        _FEE_LIMIT if isinstance(body, wire.Creation | wire.Trigger) else 0,
    )
    signature = _KEY.sign_recoverable(sha256(raw_data).digest(), hasher=None)
    signed = wire.read_transaction(wire.data(1, raw_data) + wire.data(2, signature))
    chain.submit(signed)
    return signed
