"""Which networks and assets custody knows: those of the policy in force, as the signer tells it.

So the two can't differ. They are read once, when a process starts; `workers/cataloguewatch.py` says
when the policy in force has others, which takes a restart.
"""

from __future__ import annotations

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chains.catalogue import Catalogue, built_in
from chains.networks import Network
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
    network_unknown for a name of none, or for one that is named twice."""
    known = {*catalogue.networks, *catalogue.aliases}
    for setting, names in {
        "CUSTODY_NODES": settings.nodes.keys(),
        "CUSTODY_ACCEPT_WITHOUT_INTERNAL": settings.accept_without_internal,
    }.items():
        if unknown := names - known:
            raise Invalid(
                "network_unknown",
                f"{setting} names unknown networks: {', '.join(sorted(unknown))};"
                f" there are {', '.join(catalogue.aliases)}",
            )
    found = {name: catalogue.find_network(name) for name in settings.nodes}
    if len({network.id for network in found.values()}) != len(found):
        raise Invalid(
            "network_unknown", "CUSTODY_NODES names a network twice: by its alias and by its id"
        )
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
