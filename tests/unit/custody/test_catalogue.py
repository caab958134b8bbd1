"""Which networks custody knows: the policy's, from the signer, or from what it has seen of it."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

import pytest
from pydantic import SecretStr

from chains.catalogue import built_in, changed
from custody.alarms.codes import AlarmCode
from custody.bootstrap import open_custody
from custody.catalogue import catalogue_in_force, served
from custody.config import Settings
from custody.db.session import Database
from custody.db.tables import PolicyVersionRow
from custody.errors import Invalid
from custody.policies.source import PolicySource
from custody.workers.cataloguewatch import CatalogueWatch
from signer.policy import SignedPolicy
from tests.support.custody import Clock
from tests.support.fake_signer import FakeSigner, changed_policy
from tests.support.rows import coin_row, evm_row
from tests.unit.custody.test_signerwatch import alarms

ROWS = {"networks": [evm_row()], "assets": [coin_row()]}
NODE = "http://127.0.0.1:1"


def settings(url: str, *names: str) -> Settings:
    return Settings(
        database_url=SecretStr(url),
        nodes=dict.fromkeys(names, NODE),  # type: ignore[arg-type]
        _env_file=None,  # type: ignore[call-arg]
    )


def signer_with(policy: SignedPolicy | None) -> FakeSigner:
    signer = FakeSigner()
    signer.signed_policy = policy
    return signer


async def keep(database: Database, policy: SignedPolicy, version: int) -> None:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    async with database.write() as session:
        session.add(
            PolicyVersionRow(
                digest=sha256(policy.document).digest(),
                version=version,
                document=policy.document,
                signatures=b"{}",
                in_force_at=now,
                first_seen=now,
            )
        )


async def test_the_signers_word_counts(database: Database):
    found = await catalogue_in_force(signer_with(changed_policy(2, **ROWS)), database)
    assert found.find_network("lagoon").id == "eip155:31339"
    assert await catalogue_in_force(signer_with(changed_policy(2)), database) == built_in()


async def test_while_the_signer_is_away_the_newest_policy_seen_counts(database: Database):
    signer = signer_with(None)
    assert await catalogue_in_force(signer, database) == built_in()
    await keep(database, changed_policy(2, **ROWS), 2)
    await keep(database, changed_policy(1), 1)
    signer.away = True
    found = await catalogue_in_force(signer, database)
    assert changed(built_in(), found) == ("lagoon",)


async def test_a_policy_that_can_not_be_read_describes_nothing(database: Database):
    rows = {"networks": [evm_row(traits=["warp-drive"])], "assets": [coin_row()]}
    signer = signer_with(changed_policy(2, **rows))
    assert await catalogue_in_force(signer, database) == built_in()


def test_a_network_that_no_policy_describes_is_not_served():
    with pytest.raises(Invalid, match="unknown networks: lagoon; there are bitcoin, ") as caught:
        served(settings("sqlite://", "lagoon", "bitcoin"), built_in())
    assert caught.value.code == "network_unknown"
    catalogue = built_in().with_rows(**ROWS)
    found = served(settings("sqlite://", "lagoon", "eip155:56"), catalogue)
    assert [network.alias for network in found.values()] == ["lagoon", "bsc"]


@pytest.mark.parametrize(
    ("name", "words"), [("etherium", "unknown networks"), ("tron", "can be replaced")]
)
def test_a_rule_to_speed_up_names_networks_on_which_that_is_possible(name: str, words: str):
    asked = settings("sqlite://", "bitcoin").model_copy(
        update={"speed_up_after_blocks": {name: 6, "bitcoin": 3}}
    )
    with pytest.raises(Invalid, match=words):
        served(asked, built_in())


async def test_a_process_whose_settings_name_no_network_does_not_start(sqlite_url: str):
    """Its signer is away, and its database has seen no policy."""
    with pytest.raises(Invalid, match="unknown networks: lagoon"):
        async with open_custody(settings(sqlite_url, "lagoon")):
            raise AssertionError


async def test_another_description_calls_people_until_custody_starts_again(database: Database):
    signer = signer_with(changed_policy(1))
    started_with = await catalogue_in_force(signer, database)

    async def look(catalogue=started_with):
        watch = CatalogueWatch(database, PolicySource(signer), catalogue, Clock())
        await watch.look()
        await watch.look()

    await look()
    assert await alarms(database) == []
    signer.signed_policy = changed_policy(2, **ROWS)
    await look()
    words = "start custody again: the policy in force changes lagoon"
    assert await alarms(database) == [(AlarmCode.NETWORKS_CHANGED, words, True)]
    await look(await catalogue_in_force(signer, database))
    assert await alarms(database) == [(AlarmCode.NETWORKS_CHANGED, words, False)]
