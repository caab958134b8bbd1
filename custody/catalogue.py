"""Which networks and assets custody knows: those of the policy in force, as the signer tells it.

So the two can't differ. They are read once, when a process starts; `workers/cataloguewatch.py` says
when the policy in force has others, which takes a restart.
"""

from __future__ import annotations

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chains.catalogue import Catalogue, built_in
from chains.families import calls_in, traits_of
from chains.model import AssetId
from chains.networks import Network
from chains.nodes.announcements import wrong_push
from chains.transport.endpoint import Role
from custody.config import Settings
from custody.db.session import Database
from custody.errors import Invalid
from custody.journal.repository import newest_policy
from custody.policies.source import PolicyHolder
from signer.client import SignerError
from signer.policy import InvalidPolicy, Policy

log = structlog.get_logger()


async def catalogue_in_force(signer: PolicyHolder, database: Database | None) -> Catalogue:
    """Of the policy in force. While the signer does not answer or has none, of the newest that the
    database has; else what is built in."""
    document = await _told(signer) or await _kept(database)
    if document is None:
        return built_in()
    try:
        return Policy.parse(document).catalogue
    except InvalidPolicy:  # the signer says so too, and signs nothing
        log.error("policy_unreadable")
        return built_in()


def served(settings: Settings, catalogue: Catalogue) -> dict[str, Network]:
    """The networks with a node, by the name that the settings have for them. Raises Invalid
    network_unknown for a name of none, for one that is named twice, or for a setting that makes no
    sense on it."""
    known = {*catalogue.networks, *catalogue.aliases}
    for setting, names in {
        "CUSTODY_NODES": settings.nodes.keys(),
        "CUSTODY_ACCEPT_WITHOUT_INTERNAL": settings.accept_without_internal,
        "CUSTODY_SPEED_UP_AFTER_BLOCKS": settings.speed_up_after_blocks.keys(),
        "CUSTODY_COLLECT_FOR": settings.collect_for.keys(),
    }.items():
        if unknown := names - known:
            raise Invalid(
                "network_unknown",
                f"{setting} names unknown networks: {', '.join(sorted(unknown))};"
                f" there are {', '.join(catalogue.aliases)}",
            )
    for name in settings.speed_up_after_blocks:
        if not traits_of(catalogue.find_network(name)).binding_keys:
            raise Invalid(
                "network_unknown",
                f"CUSTODY_SPEED_UP_AFTER_BLOCKS names {name}, where nothing that was sent can be"
                " replaced",
            )
    for name in settings.collect_for:
        if not traits_of(catalogue.find_network(name)).coins:
            raise Invalid(
                "network_unknown",
                f"CUSTODY_COLLECT_FOR names {name}, where one transaction can't pay for several"
                " transfers",
            )
    found = {name: catalogue.find_network(name) for name in settings.nodes}
    for name, nodes in settings.nodes.items():
        if complaint := wrong_push(found[name].family, nodes):
            raise Invalid("network_unknown", f"CUSTODY_NODES names {name}: {complaint}")
        if any(each.role is Role.PRIVATE for each in nodes) and not calls_in(found[name]):
            words = f"CUSTODY_NODES names {name}: calls are what private nodes get, and it has none"
            raise Invalid("network_unknown", words)
    if len({network.id for network in found.values()}) != len(found):
        raise Invalid(
            "network_unknown", "CUSTODY_NODES names a network twice: by its alias and by its id"
        )
    return found


def minimums(settings: Settings, catalogue: Catalogue) -> dict[AssetId, int]:
    """Of deposits, in base units. By the assets' ids. Raises Invalid asset_unknown."""
    found: dict[AssetId, int] = {}
    for name, least in settings.deposit_minimum.items():
        try:
            asset = catalogue.find_asset(name).id
        except KeyError:
            words = f"CUSTODY_DEPOSIT_MINIMUM names an unknown asset: {name}"
            raise Invalid("asset_unknown", words) from None
        found[asset] = least
    return found


async def _told(signer: PolicyHolder) -> bytes | None:
    try:
        signed = await signer.policy()
    except SignerError:  # away or locked: /ready says so
        return None
    return None if signed is None else signed.document


async def _kept(database: Database | None) -> bytes | None:
    if database is None:
        return None
    try:
        async with database.read() as session:
            return await newest_policy(session)
    except (SQLAlchemyError, OSError):  # before `custody migrate`, or it is away
        return None
