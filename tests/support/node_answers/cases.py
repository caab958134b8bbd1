"""Reads the tables, asks an adapter what a case says, and names the outcome in one word."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chains.adapter import ChainAdapter
from chains.errors import ChainError
from chains.networks import Family, find_network
from chains.transport.endpoint import Endpoint
from custody.bootstrap import ADAPTERS
from tests.support.node_answers.server import NodeServer

_TABLES = Path(__file__).parent
_NETWORKS: Mapping[Family, str] = {
    Family.BITCOIN: "bitcoin-regtest",
    Family.EVM: "ethereum-local",
    Family.TRON: "tron-local",
    Family.SOLANA: "solana-local",
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

    def __str__(self) -> str:
        return f"{self.family}: {self.node}: {self.says}"


Ask = Callable[[ChainAdapter], Awaitable[object]]

CALLS: dict[str, Ask] = {
    "check": lambda adapter: adapter.check(),
    "tip": lambda adapter: adapter.tip(),
    "finalized": lambda adapter: adapter.finalized(),
}
"""What a case can ask. A family's own questions, with its own transactions, are added here."""


def tables() -> list[str]:
    """Names of all tables."""
    return sorted(path.stem for path in _TABLES.glob("*.json"))


def load(table: str) -> list[Case]:
    rows = json.loads((_TABLES / f"{table}.json").read_text(encoding="utf-8"))
    return [Case(**{**row, "family": Family(row["family"])}) for row in rows]


async def outcome(case: Case, timeout_s: float = 5.0) -> str:
    """An error's code; the answer where it is a word of ours; else ANSWERED."""
    async with NodeServer(case.answers, case.dialect) as node:
        network = find_network(_NETWORKS[case.family])
        adapter = ADAPTERS[case.family](network, Endpoint.of(node.url), timeout_s=timeout_s)
        try:
            found = await CALLS[case.call](adapter)
        except ChainError as error:
            return error.code
        finally:
            await adapter.close()
    return found if isinstance(found, str) else ANSWERED
