"""What there is in a game: the built-in networks, and a token on each network of accounts, which
the policy lists. On Ethereum its holders can sign payments that others submit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from chains.catalogue import Catalogue, built_in
from chains.model import AssetId
from chains.networks import Network
from tests.support.rows import token_row

_TOKENS: Final = (
    (
        "eip155:31337/erc20:0x52908400098527886E0F7030069857D2E4169EE7",
        "erc20",
        ["blacklist", "eip-3009"],
    ),
    ("tron:0xff51cb4a/trc20:TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "trc20", ["black-list"]),
)


@cache
def rows() -> tuple[Mapping[str, Any], ...]:
    """Their issuers can freeze holders and stop all payments."""
    return tuple(
        token_row(id=id_, kind=kind, traits=sorted([*traits, "pausable"]), **_domain(traits))
        for id_, kind, traits in _TOKENS
    )


def _domain(traits: Sequence[str]) -> dict[str, str]:
    return {"domain_name": "D", "domain_version": "1"} if "eip-3009" in traits else {}


@cache
def catalogue() -> Catalogue:
    return built_in().with_rows([], rows())


def token_of(network: Network) -> AssetId | None:
    """None: it has coins, and no tokens."""
    return next(iter(network.tokens), None)
