"""That a block has a transaction: what follows from the block's own hash, and what nodes said.

A proof is JSON, in the form of the chain's family (docs/auditing.md). Who reads it later asks no
node, so each is checked against the block's hash when it is made. Where a chain's blocks prove
nothing of that kind, the nodes' words are all there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chains.errors import InclusionUnproven
from chains.model import BlockRef

Proof = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What one node says of a transaction: the block that has it, and the height up to which the
    node calls blocks final."""

    node: str
    block: BlockRef
    final_height: int


@contextmanager
def proving(what: str) -> Iterator[None]:
    """What can't be read in here gives no proof. It says nothing against the node: a block of a new
    kind is one that this program does not know yet, and payments go on."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise InclusionUnproven(f"{what} that can't be read ({type(error).__name__})") from error
