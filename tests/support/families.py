"""The families by name, for tests that are about one of them. The list is `chains.families`."""

from __future__ import annotations

from typing import Final

from chains.networks import Family

BITCOIN: Final = Family("bitcoin")
EVM: Final = Family("evm")
TRON: Final = Family("tron")
SOLANA: Final = Family("solana")
