"""What we ask a bitcoin node, as typed calls that distrust the answers. Decides nothing.

`adapter.py` makes these into the chain interface. Every answer that another part of the answer, or
a hash, can contradict is checked; a contradiction raises NodeMisbehaved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from chains.bitcoin import SATOSHI_MAX
from chains.bitcoin.rpc import (
    RPC_INVALID_ADDRESS_OR_KEY,
    RPC_INVALID_PARAMETER,
    BitcoinRpc,
    RpcRefused,
)
from chains.bitcoin.transaction import Transaction, parse_transaction
from chains.errors import CodecError, NodeMisbehaved, NodeUnavailable
from chains.model import BlockRef, TxId

_SATOSHI_PER_COIN: Final = 100_000_000
