"""What a bitcoin signature commits to: BIP-143 for version 0 programs, BIP-341 for taproot. Pure.

Only the two modes that commit to every input and every output exist here (SIGHASH_ALL, and
SIGHASH_DEFAULT for taproot), so that no signature of ours can be moved to another transaction.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from chains.bitcoin import SIGHASH_ALL, SIGHASH_DEFAULT
from chains.bitcoin.transaction import Transaction, TxOutput, length_prefixed
from chains.hashes import sha256d

_TAP_SIGHASH: Final = sha256(b"TapSighash").digest() * 2


class SignatureHashes:
    """The digests of one transaction; `spent` are the outputs its inputs consume, in order."""

    def __init__(self, transaction: Transaction, spent: tuple[TxOutput, ...]) -> None:
        assert len(spent) == len(transaction.inputs)
        self._transaction = transaction
        self._spent = spent
        inputs = transaction.inputs
        # BIP-341 hashes these once, BIP-143 twice.
        self._outpoints = sha256(b"".join(each.outpoint for each in inputs)).digest()
        self._sequences = sha256(b"".join(_u32(each.sequence) for each in inputs)).digest()
        self._outputs = sha256(b"".join(each.serialize() for each in transaction.outputs)).digest()
        self._amounts = sha256(b"".join(_u64(each.amount) for each in spent)).digest()
        self._scripts = sha256(b"".join(length_prefixed(each.script) for each in spent)).digest()

    def p2wpkh(self, index: int) -> bytes:
        """BIP-143, SIGHASH_ALL. Commits to this input's amount, not to those of the others."""
        spending, spent = self._transaction.inputs[index], self._spent[index]
        script_code = b"\x76\xa9\x14" + spent.script[2:] + b"\x88\xac"
        return sha256d(
            _version(self._transaction)
            + sha256(self._outpoints).digest()
            + sha256(self._sequences).digest()
            + spending.outpoint
            + length_prefixed(script_code)
            + _u64(spent.amount)
            + _u32(spending.sequence)
            + sha256(self._outputs).digest()
            + _u32(self._transaction.locktime)
            + _u32(SIGHASH_ALL)
        )

    def p2tr_key_path(self, index: int) -> bytes:
        """BIP-341, SIGHASH_DEFAULT, no annex. Commits to the amounts and scripts of all inputs."""
        message = (
            bytes((SIGHASH_DEFAULT,))
            + _version(self._transaction)
            + _u32(self._transaction.locktime)
            + self._outpoints
            + self._amounts
            + self._scripts
            + self._sequences
            + self._outputs
            + b"\x00"  # key path, no annex
            + _u32(index)
        )
        return sha256(_TAP_SIGHASH + b"\x00" + message).digest()


def _version(transaction: Transaction) -> bytes:
    return transaction.version.to_bytes(4, "little", signed=True)


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _u64(value: int) -> bytes:
    return value.to_bytes(8, "little")
