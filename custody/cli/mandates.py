"""What an approver is shown: a mandate in words, decoded from the very bytes that are signed.

The server is not believed: nothing is shown that does not stand in the bytes, and the digest is
computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chains.networks import Environment, all_networks
from custody.cli.amounts import in_units
from custody.cli.output import Failure
from signer.wire import Mandate, format_time, parse_json


@dataclass(frozen=True, slots=True)
class Shown:
    """A mandate, and the digest that names it."""

    mandate: Mandate
    digest: bytes


def read_mandate(canonical: bytes, transfer: str) -> Shown:
    """Raises Failure unless the bytes are one mandate in canonical form, of this transfer, on a
    network whose units are known here."""
    try:
        mandate = Mandate.parse(parse_json(canonical))
    except ValueError as error:  # MalformedMessage is one
        raise Failure(f"the server sent something that is not a mandate: {error}") from None
    if mandate.canonical() != canonical:
        raise Failure("the server sent a mandate in another spelling than the one that is signed")
    if mandate.transfer != transfer:
        raise Failure(f"the server sent the mandate of another transfer: {mandate.transfer}")
    if mandate.network not in all_networks():
        raise Failure(f"this program does not know the network {mandate.network}; update it")
    return Shown(mandate, mandate.digest())


def in_words(shown: Shown, now: datetime) -> tuple[str, ...]:
    """Everything the signature will cover, a line each."""
    mandate = shown.mandate
    network = all_networks()[mandate.network]
    local = ", a local network" if network.environment is Environment.LOCAL else ""
    lines = [
        f"transfer        {mandate.transfer}",
        f"action          {mandate.action}",
        f"network         {network.name} ({network.id}{local})",
        f"client          {mandate.client}",
        f"vault           {mandate.vault}",
        f"source          {mandate.source_address or 'the coins'} at {mandate.source_path}",
    ]
    for output in mandate.outputs:
        lines += [
            f"pays            {in_units(output.asset, output.amount)}",
            f"  to            {output.address}",
            f"  asset         {output.asset}, {output.amount} base units",
        ]
    lines += [
        f"greatest cost   {in_units(network.native.id, mandate.fee_max)}",
        f"asked by        {mandate.initiator}",
        f"asked at        {format_time(mandate.requested_at)}",
        f"expires         {format_time(mandate.expires_at)} ({_from_now(mandate, now)})",
        f"policy version  {mandate.policy_version}",
        f"digest          {shown.digest.hex()}",
    ]
    return tuple(lines)


def is_expired(mandate: Mandate, now: datetime) -> bool:
    return mandate.expires_at <= now


def _from_now(mandate: Mandate, now: datetime) -> str:
    if is_expired(mandate, now):
        return "it has expired"
    return f"in {timedelta(seconds=int((mandate.expires_at - now).total_seconds()))}"
