"""Agreement that was not given: approvals moved, doubled or invented; policies nobody passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from signer.policy import Policy, SignedPolicy, basis_of
from signer.wire import Approval, Mandate, SignRequest, Verdict, canonical_json, parse_json
from tests.hostile.transactions import AMOUNT, BSC, ETHEREUM, THIEF_EVM, evm, honest, with_tx
from tests.hostile.world import (
    ETH,
    NEW_SUPPLIER,
    OUTLAW,
    RULING,
    THIEF,
    VERSION,
    World,
    approvals,
    approvals_in,
    approved_by,
    mandate_in,
    payment,
    policy,
)
from tests.support.networks import find_network
from tests.support.signer import (
    ADA,
    ADMINISTRATORS,
    BOB,
    Person,
    changed,
    rule,
    sign_policy,
    window,
)

Perform = Callable[[World], str]


# Approvals


def replayed(**changes: Any) -> Perform:
    """The approvals of one honest transfer under a mandate that differs in `changes`."""

    def perform(world: World) -> str:
        agreed = honest(world, ETHEREUM)
        mandate = changed(mandate_in(agreed), **changes)
        return world.word(approved_by(mandate, agreed.tx, approvals_in(agreed)))

    return perform


def replayed_on_another_transfer(world: World) -> str:
    agreed, wanted = honest(world, ETHEREUM), honest(world, ETHEREUM)
    return world.word(approved_by(mandate_in(wanted), wanted.tx, approvals_in(agreed)))


def replayed_for_the_thief(world: World) -> str:
    """Everything turned to the thief, mandate and transaction alike, under real approvals."""
    agreed = honest(world, ETHEREUM)
    effects = (payment(ETHEREUM, THIEF_EVM, AMOUNT),)
    mandate = changed(mandate_in(agreed), effects=effects)
    return world.word(approved_by(mandate, evm(world, to=THIEF_EVM), approvals_in(agreed)))


def replayed_on_another_network(world: World) -> str:
    agreed, wanted = honest(world, ETHEREUM), honest(world, BSC)
    same = changed(mandate_in(wanted), transfer=mandate_in(agreed).core.transfer)
    return world.word(approved_by(same, wanted.tx, approvals_in(agreed)))


def old_version(world: World) -> str:
    """Approved under the policy before; the group that was asked is not the same now."""
    return world.word(under_the_old_policy(world))


def old_approvals_renewed(world: World) -> str:
    """The same transfer under the rules in force, and the approvals under the old ones."""
    old = under_the_old_policy(world)
    mandate, in_force = mandate_in(old), world.policy()
    assert in_force is not None
    renewed = replace(mandate, version=2, basis=basis_of(in_force, mandate.core))
    return world.word(approved_by(renewed, old.tx, approvals_in(old)))


def under_the_old_policy(world: World) -> SignRequest:
    before = Policy.parse(policy(VERSION - 1, world.now()))
    basis = basis_of(before, mandate_in(honest(world, ETHEREUM)).core)
    return honest(world, ETHEREUM, basis=basis)


def by(*people: Person, initiator: str = "robot", vault: str = "main") -> Perform:
    """An honest transfer, approved by these people alone."""

    def perform(world: World) -> str:
        request = honest(world, ETHEREUM, initiator=initiator, vault=vault)
        mandate = mandate_in(request)
        given = approvals(mandate, *people) if people else ()
        return world.word(approved_by(mandate, request.tx, given))

    return perform


def forged(make: Callable[[Mandate], Approval]) -> Perform:
    """Ada's approval, and one that `make` invents."""

    def perform(world: World) -> str:
        request = honest(world, ETHEREUM)
        mandate = mandate_in(request)
        given = (ADA.approve(mandate), make(mandate))
        return world.word(approved_by(mandate, request.tx, given))

    return perform


def under_another_name(mandate: Mandate) -> Approval:
    return replace(ADA.approve(mandate), approver=BOB.name)


def by_the_thief_as_bob(mandate: Mandate) -> Approval:
    return replace(THIEF.approve(mandate), approver=BOB.name)


def rejection_as_approval(mandate: Mandate) -> Approval:
    return BOB.approve(mandate, Verdict.REJECT)


def of_zeros(mandate: Mandate) -> Approval:
    return Approval(BOB.name, bytes(64))


def expired(world: World) -> str:
    now = world.now()
    old: dict[str, Any] = {
        "requested_at": now - timedelta(hours=2),
        "expires_at": now - timedelta(seconds=1),
    }
    return world.word(honest(world, ETHEREUM, **old))


def lives_too_long(world: World) -> str:
    return world.word(honest(world, ETHEREUM, expires_at=world.now() + timedelta(days=2)))


def from_the_future(world: World) -> str:
    """Dated forward, so that it outlives what the rule allows."""
    later = world.now() + timedelta(hours=23)
    times: dict[str, Any] = {"requested_at": later, "expires_at": later + timedelta(hours=23)}
    return world.word(honest(world, ETHEREUM, **times))


def before_the_time_lock(world: World) -> str:
    """Fully approved, and asked for twice at once: the lock runs from the first time on."""
    request = honest(world, ETHEREUM, vault="slow")
    return [world.word(request), world.word(request)][1]


# Destinations


def to_outlaw(world: World) -> str:
    effects = (payment(ETHEREUM, OUTLAW, AMOUNT),)
    request = honest(world, ETHEREUM, effects=effects)
    return world.word(with_tx(request, evm(world, to=OUTLAW)))


def beside_the_allowlist(world: World) -> str:
    return _from_listed(world, THIEF_EVM)


def freshly_listed(world: World) -> str:
    return _from_listed(world, NEW_SUPPLIER)


def _from_listed(world: World, to: Any) -> str:
    effects = (payment(ETHEREUM, to, AMOUNT),)
    request = honest(world, ETHEREUM, vault="listed", effects=effects)
    return world.word(with_tx(request, evm(world, vault="listed", to=to)))


def fee_beyond_the_rule(world: World) -> str:
    """Agreed by the approvers, and beyond what the rule lets a fee be."""
    request = honest(world, ETHEREUM, fee_max=10**18 + 1)
    return world.word(request)


# Policies


def older_policy(world: World) -> str:
    """The first version, signed by the quorum of its day."""
    return world.publish(sign_policy(policy(1, world.now())))


def same_version_again(world: World) -> str:
    """Another document with the version in force, signed by the quorum."""
    document = _open_policy(world, VERSION)
    return world.publish(sign_policy(document, RULING))


def unsigned_policy(world: World) -> str:
    return world.publish(SignedPolicy(_open_policy(world), {}))


def too_few(world: World) -> str:
    return world.publish(sign_policy(_open_policy(world), RULING[:1]))


def removed_administrators(world: World) -> str:
    """One who may, and one who was replaced with the version in force."""
    return world.publish(sign_policy(_open_policy(world), (RULING[0], ADMINISTRATORS[2])))


def one_administrator_under_two_names(world: World) -> str:
    signed = sign_policy(_open_policy(world), RULING[:1])
    (signature,) = signed.signatures.values()
    twice = {RULING[0].name: signature, RULING[1].name: signature}
    return world.publish(replace(signed, signatures=twice))


def changed_after_signing(world: World) -> str:
    signed = sign_policy(policy(VERSION + 1, world.now()), RULING)
    document = signed.document.replace(b'"count":2', b'"count":1')
    assert document != signed.document
    return world.publish(replace(signed, document=document))


def one_key_two_persons(world: World) -> str:
    """Signed by everybody, but ada would count twice, as ada and as `adam`."""
    row = parse_json(policy(VERSION + 1, world.now()))
    row["persons"].append({**row["persons"][0], "id": "adam"})
    row["groups"][0]["members"].append("adam")
    return world.publish(sign_policy(canonical_json(row), RULING))


def key_that_anybody_has(world: World) -> str:
    """Signed by everybody, but one person's key is a point under which anything verifies."""
    row = parse_json(policy(VERSION + 1, world.now()))
    row["persons"][0]["credentials"][0]["key"] = (1).to_bytes(32, "little").hex()
    return world.publish(sign_policy(canonical_json(row), RULING))


def idle_deny_entry(world: World) -> str:
    """Signed by everybody: an outlaw in lower case, on a network that is not enabled yet."""
    row = parse_json(policy(VERSION + 1, world.now()))
    outlaws = next(group for group in row["destinations"] if group["id"] == "outlaws")
    entry = outlaws["entries"][0]
    lower = THIEF_EVM.lower()
    outlaws["entries"].append({**entry, "network": find_network("bsc").id, "address": lower})
    return world.publish(sign_policy(canonical_json(row), RULING))


def forgotten_fees(world: World) -> str:
    """Signed by everybody: limits for each destination, and none on what leaves as fees."""
    windows = [window(ETH, 3600, 50_000, per_destination=True)]
    document = policy(VERSION + 1, world.now(), rules=[rule("each", windows=windows)])
    return world.publish(sign_policy(document, RULING))


def _open_policy(world: World, version: int = VERSION + 1) -> bytes:
    """What a thief would like: everything allowed."""
    return policy(version, world.now(), rules=[rule("everything")])
