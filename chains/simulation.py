"""What a transaction would do if it were included now, by a node's word. Values only.

A node may lie, and what is before the transaction in its block may change everything. So a
simulation is advice for people and a reason to wait, never a reason to sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chains.model import Address, AssetId, BlockRef
from chains.outcomes import Allowances, Changes


class Method(StrEnum):
    """How the node was asked, the most faithful first."""

    BLOCK = "block"
    """Balances, the call and balances again, in one block of the node's making."""
    TRACE = "trace"
    """The state that the call would leave behind, and balances asked of it."""
    RUN = "run"
    """The accounts as the runtime would leave them (Solana)."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is asked about in any case, beside what the node itself names: a log only says what to
    ask, and much that changes a balance writes none (WETH's deposit, an aToken's interest)."""

    assets: frozenset[AssetId] = frozenset()
    allowances: frozenset[tuple[AssetId, Address]] = frozenset()


@dataclass(frozen=True, slots=True)
class Failure:
    """It would fail. `reason`: the node's own word, shortened. `data`: what the contract returned,
    where the chain has that."""

    reason: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Simulated:
    """On top of `block`. `changes`, `allowances`: of the paying address, the fee apart; none, if it
    would fail. `fee`: native base units that it would cost at the node's own price."""

    block: BlockRef
    method: Method
    changes: Changes = field(default_factory=dict)
    allowances: Allowances = field(default_factory=dict)
    fee: int = 0
    failure: Failure | None = None
    balances: Mapping[AssetId, int] = field(default_factory=dict)
    """Of each asset that was asked about, before."""
