"""Does a node tell what contracts pay? Read from its transaction infos. Pure.

java-tron keeps internal transactions only with `vm.saveInternalTx = true`, which is off by default,
and offers no way to ask. One internal transaction shows that it is on. That it is off shows where
there must have been one: the contract of wrapped TRX pays by an internal call whenever it emits its
Withdrawal event. Without either, nobody can know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chains.block import Reading
from chains.hashes import keccak256
from chains.model import Address, InternalCredits
from chains.tron.address import to_bytes
from chains.tron.rpc import TransactionInfo

_WITHDRAWAL: Final = keccak256(b"Withdrawal(address,uint256)")


def evidence(infos: Iterable[TransactionInfo], wrapper: Address | None) -> InternalCredits:
    """SEEN, UNSEEN or UNKNOWN. `wrapper`: the network's contract of wrapped TRX, if it has one."""
    found = InternalCredits.UNKNOWN
    event = None if wrapper is None else (to_bytes(wrapper)[1:], _WITHDRAWAL)
    for info in infos:
        if info.internal:
            return InternalCredits.SEEN
        if event in info.events and not info.failure:
            found = InternalCredits.UNSEEN
    return found


def reading_of(contract_ran: bool, internal: InternalCredits) -> Reading:
    """What a block's credits can't contain at such a node."""
    if not contract_ran or internal is InternalCredits.SEEN:
        return Reading.COMPLETE
    if internal is InternalCredits.UNSEEN:
        return Reading.WITHOUT_INTERNAL
    return Reading.UNPROVEN
