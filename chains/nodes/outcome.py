"""What several nodes' answers to the same broadcast come to. Pure.

One node that took the bytes is enough: it passes them on. A node that gave no answer may have taken
them all the same, so beside its silence no other node's refusal counts: the outcome is unknown, and
the same bytes are sent again. Only when all refuse is it a refusal, and even that proves nothing
about the transaction's future.
"""

from __future__ import annotations

from collections.abc import Sequence

from chains.errors import BroadcastRejected, ChainError, NodeUnavailable, WrongChain
from chains.model import Broadcast


def broadcast_outcome(answers: Sequence[Broadcast | ChainError]) -> Broadcast | ChainError:
    """Accepted before known before unknown before rejected.

    A node of another chain has no say, unless no other was asked.
    """
    assert answers
    for taken in (Broadcast.ACCEPTED, Broadcast.ALREADY_KNOWN):
        if taken in answers:
            return taken
    errors = [each for each in answers if isinstance(each, ChainError)]
    heard = [each for each in errors if not isinstance(each, WrongChain)] or errors
    unknown = [each for each in heard if not isinstance(each, BroadcastRejected)]
    away = [each for each in unknown if isinstance(each, NodeUnavailable)]
    return (away or unknown or heard)[0]
