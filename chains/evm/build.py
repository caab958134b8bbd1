"""The bytes of an EVM transaction, unsigned and signed: EIP-1559 envelopes and EIP-155 lists.

Pure, and the exact inverse of the reading half in `codec`. Decides nothing: nonce, fees and gas
are arguments. Knows no node and no key.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chains.evm import rlp
from chains.evm.address import to_bytes
from chains.model import Address, ConflictKey, Excludes, NetworkId
from chains.networks import Network

EIP1559_TYPE: Final = 0x02


class Kind(StrEnum):
    """The spelling is that of `transaction_type` in networks.toml."""

    EIP1559 = "eip1559"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the sender signs. Fees are base units per unit of gas; a legacy transaction has one gas
    price, here in both fields. `to` is None where a contract is created."""

    kind: Kind
    chain_id: int
    nonce: int
    priority_fee: int
    fee_per_gas_max: int
    gas: int
    to: Address | None
    value: int
    data: bytes = b""
    access_list: tuple[tuple[bytes, tuple[bytes, ...]], ...] = ()

    @property
    def fee_max(self) -> int:
        """The most that leaves the sender beyond `value`."""
        return self.gas * self.fee_per_gas_max


def transfer(
    network: Network,
    *,
    nonce: int,
    to: Address,
    value: int,
    gas: int,
    fee_per_gas_max: int,
    priority_fee: int,
    data: bytes = b"",
) -> Transaction:
    """In the form the network wants: a plain payment, or with `data` a token's. A legacy
    transaction has no `priority_fee`."""
    kind = Kind(network.text("transaction_type"))
    return Transaction(
        kind=kind,
        chain_id=network.number("chain_id"),
        nonce=nonce,
        priority_fee=priority_fee if kind is Kind.EIP1559 else fee_per_gas_max,
        fee_per_gas_max=fee_per_gas_max,
        gas=gas,
        to=to,
        value=value,
        data=data,
    )


def encode_unsigned(tx: Transaction) -> bytes:
    """What is hashed for signing: `0x02 || rlp(9 fields)` (EIP-1559), or the six fields of a
    legacy transaction followed by chain id, 0, 0 (EIP-155)."""
    if tx.kind is Kind.EIP1559:
        return bytes([EIP1559_TYPE]) + rlp.encode(_eip1559_fields(tx))
    return rlp.encode([*_legacy_fields(tx), rlp.encode_int(tx.chain_id), b"", b""])


def encode_signed(tx: Transaction, signature: bytes) -> bytes:
    """What is broadcast, and whose Keccak-256 is the transaction id. `signature`: r, s and the
    parity of y, 65 bytes."""
    r, s, y_parity = signature[:32], signature[32:64], signature[64]
    end: list[rlp.Item] = [r.lstrip(b"\0"), s.lstrip(b"\0")]
    if tx.kind is Kind.EIP1559:
        fields = [*_eip1559_fields(tx), rlp.encode_int(y_parity), *end]
        return bytes([EIP1559_TYPE]) + rlp.encode(fields)
    v = tx.chain_id * 2 + 35 + y_parity
    return rlp.encode([*_legacy_fields(tx), rlp.encode_int(v), *end])


def nonce_key(network: NetworkId, address: Address, nonce: int) -> ConflictKey:
    """Of all transactions with one sender and nonce, the chain includes at most one."""
    return ConflictKey(nonce_text(network, address, nonce), Excludes.INCLUSION)


def nonce_text(network: NetworkId, address: Address, nonce: int) -> str:
    """Of `nonce_key`, as `Block.consumed` has it."""
    return f"{network}/nonce:{address}:{nonce}"


def parse_nonce_key(network: NetworkId, address: Address, key: ConflictKey) -> int | None:
    """The nonce that `key` claims for `address`, or None if it is another kind of key."""
    number = key.text.rpartition(":")[2]
    if not number.isdecimal() or key != nonce_key(network, address, int(number)):
        return None
    return int(number)


def _eip1559_fields(tx: Transaction) -> list[rlp.Item]:
    integers = (tx.chain_id, tx.nonce, tx.priority_fee, tx.fee_per_gas_max, tx.gas)
    access: list[rlp.Item] = [[address, list(keys)] for address, keys in tx.access_list]
    return [*map(rlp.encode_int, integers), *_effect(tx), access]


def _legacy_fields(tx: Transaction) -> list[rlp.Item]:
    return [*map(rlp.encode_int, (tx.nonce, tx.fee_per_gas_max, tx.gas)), *_effect(tx)]


def _effect(tx: Transaction) -> list[rlp.Item]:
    to = to_bytes(tx.to) if tx.to is not None else b""
    return [to, rlp.encode_int(tx.value), tx.data]
