"""The local networks' standing policy: one administrator made on the spot, limits, no approvals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chains.costs import CostKind
from chains.networks import Environment, Network
from signer.policy import Policy, SignedPolicy, policy_message
from signer.wire import Action, canonical_json

ADMINISTRATOR: Final = "devnet-administrator"
MACHINE: Final = "devnet"
"""The one machine that may ask for transfers; the printed API key is its."""
_HOUR_S: Final = 3600


def standing_policy(
    networks: Iterable[Network],
    key: Ed25519PrivateKey,
    tokens: Sequence[Mapping[str, Any]] = (),
    version: int = 1,
) -> SignedPolicy:
    """Any vault may send up to 1000 units of a coin or token at a time and 10000 in an
    hour. `tokens`: rows of assets, which the policy lists; `networks` have them already. Asserts
    that every network is a local one: a standing permission like this is no policy for real
    money."""
    networks = list(networks)
    assert all(network.environment is Environment.LOCAL for network in networks)
    document = canonical_json(
        {
            "format": 2,
            "version": version,
            "administrators": administrators(key),
            "persons": [],
            "machines": [{"id": MACHINE, "operators": []}],
            "groups": [],
            "destinations": [],
            "rules": [standing_rule(networks)],
            "networks": [],
            "assets": [dict(row) for row in tokens],
        }
    )
    Policy.parse(document)
    return SignedPolicy(document, {ADMINISTRATOR: key.sign(policy_message(document))})


def administrators(key: Ed25519PrivateKey) -> dict[str, Any]:
    """What `custody-keys pin administrators` is given."""
    credential = {"kind": "ed25519", "key": key.public_key().public_bytes_raw().hex()}
    return {"threshold": 1, "members": [{"id": ADMINISTRATOR, "credentials": [credential]}]}


def standing_rule(networks: list[Network]) -> dict[str, Any]:
    """Payments on these networks, up to the limits of `standing_policy`."""
    assets = [
        (asset.id, 10**asset.decimals)
        for network in networks
        for asset in (network.native, *network.tokens.values())
    ]
    return {
        "id": "standing",
        "effect": "allow",
        "scope": {
            "clients": "any",
            "vaults": "any",
            "networks": sorted(network.id for network in networks),
            "assets": sorted(asset for asset, _ in assets),
            "destinations": "any",
            "actions": [Action.TRANSFER],
            "initiators": [MACHINE],
        },
        "limits": {
            "per_transfer": [
                {"asset": asset, "amount": str(1_000 * unit)} for asset, unit in assets
            ],
            "windows": [
                {
                    "asset": asset,
                    "seconds": _HOUR_S,
                    "amount": str(10_000 * unit),
                    "count": None,
                    "per_destination": False,
                }
                for asset, unit in assets
            ],
            "hours": None,
        },
        "grant": {
            "costs": [
                {
                    "network": network.id,
                    "kind": kind,
                    "amount": str(sum(network.costs_max.values())),
                }
                for network in networks
                for kind in (CostKind.FEE, CostKind.RENT, CostKind.ACTIVATION, CostKind.ENERGY)
            ],
            "approvals": {"order": "any", "needs": []},
            "time_lock_s": 0,
            "mandate_lifetime_s": 24 * _HOUR_S,
        },
    }
