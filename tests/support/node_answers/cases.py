"""Reads the tables, asks an adapter what a case says, and names the outcome in one word."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chains.adapter import ChainAdapter
from chains.errors import ChainError
from chains.model import SignedTx
from chains.networks import Family
from chains.transport.endpoint import Endpoint
from custody.bootstrap import ADAPTERS
from tests.support import families
from tests.support.networks import find_network
from tests.support.node_answers.ours import bitcoin_intent, ours
from tests.support.node_answers.server import NodeServer
from tests.support.single import one

_TABLES = Path(__file__).parent
_NETWORKS: Mapping[Family, str] = {
    families.BITCOIN: "bitcoin-regtest",
    families.EVM: "ethereum-local",
    families.TRON: "tron-local",
    families.SOLANA: "solana-local",
}
ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Case:
    """See the package's docstring."""

    node: str
    source: str
    says: str
    family: Family
    call: str
    answers: Mapping[str, Any]
    expect: str
    dialect: str = "2.0"
    network: str = ""

    def __str__(self) -> str:
        return f"{self.family}: {self.node}: {self.says}"


Ask = Callable[[ChainAdapter], Awaitable[object]]

CALLS: dict[str, Ask] = {
    "check": lambda adapter: adapter.check(),
    "tip": lambda adapter: adapter.tip(),
    "finalized": lambda adapter: _found(adapter.finalized()),
    "block": lambda adapter: adapter.block(7),
    "broadcast": lambda adapter: one(adapter.broadcast, _ours(adapter)),
    "status": lambda adapter: _state(adapter),
    "claim": lambda adapter: one(adapter.claim, bitcoin_intent()),
}
"""What a case can ask. A family's own questions, with its own transactions, are added here."""


def _ours(adapter: ChainAdapter) -> SignedTx:
    return ours(adapter.codec.network.family)


async def _state(adapter: ChainAdapter) -> str:
    return (await one(adapter.statuses, _ours(adapter).txid)).state.value


async def _found(question: Awaitable[object]) -> object:
    return "none" if await question is None else ANSWERED


def tables() -> list[str]:
    """Names of all tables."""
    return sorted(path.stem for path in _TABLES.glob("*.json"))


def load(table: str) -> list[Case]:
    rows = json.loads((_TABLES / f"{table}.json").read_text(encoding="utf-8"))
    return [_case(row) for row in rows]


def _case(row: dict[str, Any]) -> Case:
    family = Family(row["family"])
    text = json.dumps(row["answers"]).replace("$TXID", ours(family).txid)
    return Case(**{**row, "family": family, "answers": json.loads(text)})


async def outcome(case: Case, timeout_s: float = 5.0) -> str:
    """An error's code; the answer where it is a word of ours; else ANSWERED."""
    async with NodeServer(case.answers, case.dialect) as node:
        network = find_network(case.network or _NETWORKS[case.family])
        adapter = ADAPTERS[case.family](network, Endpoint.of(node.url), timeout_s=timeout_s)
        try:
            found = await CALLS[case.call](adapter)
        except ChainError as error:
            return error.code
        finally:
            await adapter.close()
    return found if isinstance(found, str) else ANSWERED
