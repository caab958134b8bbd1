"""Moves queued transfers to signed bytes. Nothing else in custody asks the signer for a signature.

    A  claim     what the transaction will consume is ours, by a unique key, before it is built
    B  build     the unsigned bytes are stored before the signer sees them
    C  sign      the signature and the txid are stored before any node sees them

Each step commits before the next begins, and each begins by looking at what is committed; so a
crash anywhere is followed by the same step again, with the same claim or the same bytes. Two
workers at once disturb each other but not the money: claims are unique, a transfer is built once
while the signer's answer is out, and the signer gives the same signature for the same bytes.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy.exc import IntegrityError

from chains.adapter import ChainAdapter
from chains.errors import (
    BuildError,
    ClaimUnusable,
    InvalidInput,
    NodeError,
    NodeMisbehaved,
)
from chains.model import (
    Address,
    ConflictKey,
    NetworkId,
    OwnedAddress,
    Payment,
    TransferIntent,
    UnsignedTx,
)
from custody.db.ids import new_id
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.tables import ClaimRow, TransactionRow, TransferRow, VaultRow
from custody.ledger.service import Ledger
from custody.transfers import repository
from custody.transfers.apply import load, transition
from custody.transfers.change import ChangeAddresses
from custody.transfers.mandates import stored_mandate
from custody.transfers.outcomes import Done, Later, Progress
from custody.transfers.precheck import Precheck
from custody.transfers.receipts import Receipts
from custody.transfers.sources import owned, pays_with_coins, spendable_coins
from custody.transfers.state import Build, GiveUp, State, can
from custody.vaults import repository as vaults
from signer.wire import Mandate, SignRequest

_CLAIM_ATTEMPTS = 5

log = structlog.get_logger()
