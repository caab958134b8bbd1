"""A second opinion on every transaction before it leaves: bitcoinlib must read what we wrote.

A mistake that our encoder and decoder share would otherwise reach the network as money paid to the
wrong script. bitcoinlib is an independent implementation; it knows nothing of ours.

It belongs on the custody side only, and is imported on first use: importing it takes a second,
loads a database library, and wants a folder of its own, which would be in the home directory.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any, Final

from chains.bitcoin.transaction import Transaction, parse_transaction
from chains.errors import MalformedTransaction
from chains.model import SignedTx

_DATA_DIR: Final = "BCL_DATA_DIR"
_SETTINGS: Final = "[logs]\nenable_bitcoinlib_logging = False\n"
_importing = threading.Lock()


def check_signed(tx: SignedTx) -> None:
    """Raise MalformedTransaction unless both decoders see the same transaction in `tx.raw`.

    Blocks for a second at the first call, later for a few milliseconds.
    """
    ours = parse_transaction(tx.raw)
    if ours.txid() != tx.txid:
        raise MalformedTransaction("the bytes are not those of the named transaction")
    with _importing:
        decoder = _load_decoder()
    try:
        theirs = decoder.parse(tx.raw, strict=False)
    except Exception as error:  # noqa: BLE001 - it raises whatever it likes; each is a no
        kind = type(error).__name__
        raise MalformedTransaction(f"the second decoder can't read it ({kind})") from None
    if _described_by_bitcoinlib(theirs) != _described_by_us(ours):
        raise MalformedTransaction("the second decoder reads another transaction")


def _described_by_us(transaction: Transaction) -> tuple[Any, ...]:
    return (
        str(transaction.txid()),
        transaction.version,
        transaction.locktime,
        [(str(each.previous_txid), each.position, each.sequence) for each in transaction.inputs],
        [(each.amount, each.script) for each in transaction.outputs],
    )


def _described_by_bitcoinlib(transaction: Any) -> tuple[Any, ...]:
    return (
        transaction.txid,
        transaction.version_int,
        transaction.locktime,
        [(each.prev_txid.hex(), each.output_n_int, each.sequence) for each in transaction.inputs],
        [(each.value, each.lock_script) for each in transaction.outputs],
    )


@cache
def _load_decoder() -> Any:
    """bitcoinlib's transaction class, with its folder in a place that vanishes again."""
    before = os.environ.get(_DATA_DIR)
    with tempfile.TemporaryDirectory(prefix="bitcoinlib-") as folder:
        Path(folder, "config.ini").write_text(_SETTINGS, encoding="ascii")
        os.environ[_DATA_DIR] = folder
        try:
            from bitcoinlib.transactions import Transaction as Decoder
        finally:
            if before is None:
                del os.environ[_DATA_DIR]
            else:
                os.environ[_DATA_DIR] = before
    logging.getLogger("bitcoinlib").setLevel(logging.ERROR)  # it warns of every taproot input
    return Decoder
