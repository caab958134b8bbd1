"""People with keys, and policies that they sign."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chains.costs import CostKind
from chains.networks import Network
from signer.policy import Administrators, SignedPolicy, Usage, Window, policy_message
from signer.wire import Approval, Mandate, Verdict, approval_message, canonical_json
from tests.support.networks import find_network


@dataclass(frozen=True)
class Person:
    """An approver or administrator with a key made from the name."""

    name: str

    @property
    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(sha256(self.name.encode()).digest())

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def approve(self, mandate: Mandate, verdict: Verdict = Verdict.APPROVE) -> Approval:
        message = approval_message(mandate.digest, verdict)
        return Approval(self.name, self.key.sign(message))


ADA, BOB, EVE = Person("ada"), Person("bob"), Person("eve")
ADMINISTRATORS = (Person("admin-1"), Person("admin-2"), Person("admin-3"))


def administrators_json(threshold: int = 2, people: Sequence[Person] = ADMINISTRATORS) -> Any:
    return {"threshold": threshold, "members": [person_json(p) for p in people]}


def person_json(person: Person) -> dict[str, Any]:
    credential = {"kind": "ed25519", "key": person.public_key.hex()}
    return {"id": person.name, "credentials": [credential]}


PINNED = Administrators.parse(administrators_json())


# Policies


def rule(name: str, **changes: Any) -> dict[str, Any]:
    """An allow rule for every payment, without approvals. Keys of `changes` replace scope, limits
    and grant fields of that name (`messages`: domains by kind); `effect="deny"` drops the grant.
    With windows, costs are granted on the networks of their assets."""
    row: dict[str, Any] = {
        "id": name,
        "effect": changes.pop("effect", "allow"),
        "scope": {
            **dict.fromkeys(
                "clients vaults networks assets destinations initiators".split(), "any"
            ),
            "actions": ["transfer"],
        },
        "limits": {"per_transfer": [], "windows": [], "hours": None},
        "grant": {
            "costs": [
                {"network": network, "kind": kind.value, "amount": str(10**18)}
                for network in _networks_of(changes.get("windows"))
                for kind in (CostKind.FEE, CostKind.RENT, CostKind.ACTIVATION, CostKind.ENERGY)
            ],
            "approvals": {"order": "any", "needs": []},
            "time_lock_s": 0,
            "mandate_lifetime_s": 24 * 3600,
        },
    }
    if "needs" in changes:
        needs = [{"group": group, "count": count} for group, count in changes.pop("needs")]
        order = changes.pop("order", "any")
        row["grant"]["approvals"] = {"order": order, "needs": needs}
    if "messages" in changes:
        named = changes.pop("messages").items()
        row["grant"]["messages"] = [{"kind": k, "domains": list(v)} for k, v in named]
    for key, value in changes.items():
        part = next(p for p in ("scope", "limits", "grant") if key in row[p])
        row[part][key] = value
    if row["effect"] == "deny":
        row["grant"] = None
    return row


def _networks_of(windows: Sequence[dict[str, Any]] | None) -> list[str]:
    if not windows:
        return [network.id for network in local_networks()]
    return list(dict.fromkeys(limit["asset"].partition("/")[0] for limit in windows))


def policy_document(*rules: dict[str, Any], version: int = 1, **changes: Any) -> bytes:
    """Canonical bytes. ada, bob and eve are persons; `treasury` is all three, `risk` eve alone;
    `robot` is a machine that nobody here operates."""
    people = changes.pop("people", (ADA, BOB, EVE))
    row = {
        "format": 2,
        "version": version,
        "administrators": administrators_json(),
        "persons": [person_json(p) for p in people],
        "machines": [{"id": "robot", "operators": []}],
        "groups": [
            {"id": "treasury", "members": [p.name for p in people]},
            {"id": "risk", "members": ["eve"] if EVE in people else []},
        ],
        "destinations": [],
        "rules": list(rules) or [rule("all")],
        "networks": [],
        "assets": [],
    }
    return canonical_json({**row, **changes})


def sign_policy(document: bytes, by: Iterable[Person] = ADMINISTRATORS[:2]) -> SignedPolicy:
    message = policy_message(document)
    return SignedPolicy(document, {person.name: person.key.sign(message) for person in by})


def window(asset: str, seconds: int, amount: int | None = None, **changes: Any) -> dict[str, Any]:
    limit = {
        "asset": asset,
        "seconds": seconds,
        "amount": None if amount is None else str(amount),
        "count": None,
        "per_destination": False,
    }
    return {**limit, **changes}


def local_networks() -> list[Network]:
    aliases = ("bitcoin-regtest", "ethereum-local", "bsc-local", "tron-local", "solana-local")
    return [find_network(alias) for alias in aliases]


def nothing_known(_: Window) -> Usage | None:
    """Of no window it is known what it holds."""
    return None
