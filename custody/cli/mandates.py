"""What an approver is shown: a mandate in words, decoded from the very bytes that are signed.

The server is not believed: nothing is shown that does not stand in the bytes, and the digest is
computed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from chains.catalogue import Catalogue, built_in
from chains.effects import Call, Effect
from chains.networks import Environment
from chains.outcomes import Bound
from custody.cli.effects import arrival_lines, cost_lines, effect_lines, line
from custody.cli.grounds import ground_lines
from custody.cli.output import Failure
from signer.policy import Policy, enforced
from signer.wire import Core, Mandate, format_time, parse_json


@dataclass(frozen=True, slots=True)
class Shown:
    """A mandate, and the digest that names it."""

    mandate: Mandate
    digest: bytes


def read_mandate(canonical: bytes, transfer: str, catalogue: Catalogue) -> Shown:
    """Raises Failure unless the bytes are one mandate in canonical form, of this transfer, on a
    network whose units are known here."""
    try:
        mandate = Mandate.parse(parse_json(canonical))
    except ValueError as error:  # MalformedMessage is one
        raise Failure(f"the server sent something that is not a mandate: {error}") from None
    if mandate.canonical != canonical:
        raise Failure("the server sent a mandate in another spelling than the one that is signed")
    if mandate.core.transfer != transfer:
        raise Failure(f"the server sent the mandate of another transfer: {mandate.core.transfer}")
    if mandate.core.network not in catalogue.networks:
        raise Failure(
            f"the network {mandate.core.network} is not known here: its units stand in the policy"
            " that describes it; name your copy of it with --policy"
        )
    return Shown(mandate, mandate.digest)


def known_to(policy: Policy | None) -> Catalogue:
    """The networks and assets of an approver's own copy of the policy; never what a server says:
    decimals decide what an amount means."""
    return built_in() if policy is None else policy.catalogue


def in_words(shown: Shown, now: datetime, policy: Policy | None = None) -> tuple[str, ...]:
    """Everything the signature will cover, a line each, and what it rests on by `policy`, the
    approver's own copy. Raises KeyError for a network that is not known there."""
    catalogue = known_to(policy)
    mandate, core = shown.mandate, shown.mandate.core
    network = catalogue.networks[core.network]
    local = ", a local network" if network.environment is Environment.LOCAL else ""
    lines = [
        f"transfer        {core.transfer}, version {mandate.version}",
        *_again(core),
        f"action          {core.action}",
        f"network         {network.name} ({network.id}{local})",
        f"client          {core.client}",
        f"vault           {core.vault}",
        f"source          {core.source_address or 'the coins'} at {core.source_path}",
    ]
    for effect in core.effects:
        held = _enforced(policy, core, effect)
        lines += effect_lines(effect, network.native.id, catalogue, held)
    lines += arrival_lines(core.effects, mandate.costs_max, catalogue)
    lines += cost_lines(mandate.costs_max, catalogue)
    lines += [
        f"asked by        {core.initiator}",
        f"asked at        {format_time(core.requested_at)}",
        f"offered at      {format_time(mandate.offered_at)}",
        f"expires         {format_time(mandate.expires_at)} ({_from_now(mandate, now)})",
        *ground_lines(mandate, policy),
        f"digest          {shown.digest.hex()}",
    ]
    return tuple(lines)


def _again(core: Core) -> Iterator[str]:
    """A transfer that repeats another pays a second time, if the first was not dead after all."""
    if core.retry_of is not None:
        yield line("REPEATS", f"{core.retry_of}: make sure that it paid nobody")


def _enforced(policy: Policy | None, core: Core, effect: Effect) -> frozenset[Bound]:
    """Nothing, without a copy of the policy: whoever lacks it can't know."""
    if policy is None or not isinstance(effect, Call):
        return frozenset()
    return enforced(policy, core, effect)


def is_expired(mandate: Mandate, now: datetime) -> bool:
    return mandate.expires_at <= now


def _from_now(mandate: Mandate, now: datetime) -> str:
    if is_expired(mandate, now):
        return "it has expired"
    return f"in {timedelta(seconds=int((mandate.expires_at - now).total_seconds()))}"
