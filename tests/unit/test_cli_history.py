"""What a policy says of one transfer and of those that were made."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chains.effects import Pay
from chains.model import Address
from custody.db.ids import new_id
from custody.db.session import Database
from custody.db.tables import ClientRow, VaultRow
from custody.db.transfer_tables import ApprovalRow, TransferRow
from custody.policies import windows
from custody.policies.windows import Taken
from custody.transfers.mandates import shares_in
from signer.wire import Action, Mandate, Verdict
from tests.support.cli import allow, deny, done, policy, refused, write_json
from tests.support.networks import find_network
from tests.support.signer import offer
from tests.support.transfer_rows import add_transaction, add_transfer

pytestmark = pytest.mark.database

NETWORK = find_network("bitcoin-regtest")
DESTINATION = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"


def named(name: str, byte: int) -> dict[str, Any]:
    return {"id": name, "credentials": [{"kind": "ed25519", "key": f"{byte:02x}" * 32}]}


ADMINISTRATOR = named("ann", 0x11)
PERSONS = [named(name, byte) for byte, name in enumerate("abc", 0x21)]
GROUPS = {"treasury": ["a", "b"], "board": ["c"]}
NOW = datetime.now(UTC).replace(microsecond=0)
SMALL_THEN_LARGE = [allow("small", most=1000), allow("large", ("treasury", 2), ("board", 1))]


@dataclass
class Past:
    """A database with transfers of one vault in it."""

    url: str
    folder: Path
    client: str = "cli_" + "0" * 26
    vault: str = "vlt_" + "0" * 26

    @property
    def env(self) -> Mapping[str, str]:
        return {"CUSTODY_DATABASE_URL": self.url}

    def policy(self, *rules: dict[str, Any], name: str = "policy.json", version: int = 1) -> Path:
        return write_json(
            self.folder / name,
            policy(
                *(rules or SMALL_THEN_LARGE),
                administrators=[ADMINISTRATOR],
                version=version,
                persons=PERSONS,
                machines=[{"id": "key_1", "operators": []}],
                groups=GROUPS,
            ),
        )

    def imagine(self, coins: str, *more: str | Path, **other: str) -> tuple[str | Path, ...]:
        wish = {"vault": self.vault, "network": NETWORK.alias, "destination": DESTINATION}
        wish |= {"amount": coins, "initiator": "key_1"} | other
        flags = [part for name, value in wish.items() for part in (f"--{name}", value)]
        return "policy", "explain", *flags, *more

    def add(self, amount: int, ago: timedelta, approved_by: Sequence[str] = (), **row: Any) -> str:
        """A transfer that was signed so long ago."""
        return asyncio.run(self._add(amount, NOW - ago, approved_by, row))

    async def _add(
        self, amount: int, at: datetime, approved_by: Sequence[str], changes: dict[str, Any]
    ) -> str:
        transfer = new_id("tfr")
        mandate = self._mandate(transfer, amount, at)
        terms: dict[str, Any] = {
            "client": self.client,
            "vault": self.vault,
            "network": NETWORK.id,
            "asset": NETWORK.native.id,
            "destination": DESTINATION,
            "amount": amount,
            "fee_max": 10,
            "initiator": mandate.core.initiator,
            "state": "final",
            "document": mandate.canonical,
            "digest": mandate.digest,
            "expires_at": mandate.expires_at,
            "now": mandate.core.requested_at,
        }
        database = Database(self.url)
        async with database.write() as session:
            await add_transfer(session, transfer, **terms | changes)
            shares = shares_in(mandate)
            await windows.promise(session, transfer, shares)
            if changes.get("state") != "awaiting_approval":
                await windows.take(session, [Taken(transfer, shares, at)])
                await add_transaction(
                    session, new_id("txn"), [transfer], network=NETWORK.id, vault=self.vault,
                    payload=b"x", state="final", now=at, signed_at=at,
                )  # fmt: skip
            for number, person in enumerate(approved_by):
                session.add(
                    ApprovalRow(
                        id=new_id("apr"), transfer_id=transfer, mandate_digest=mandate.digest,
                        approver=person,
                        verdict=Verdict.APPROVE, signature=bytes(64),
                        created_at=at + timedelta(milliseconds=number),
                    )
                )  # fmt: skip
        await database.close()
        return transfer

    def _mandate(self, transfer: str, amount: int, at: datetime) -> Mandate:
        return offer(
            transfer=transfer,
            client=self.client,
            vault=self.vault,
            network=NETWORK.id,
            action=Action.TRANSFER,
            initiator="key_1",
            source_path="m/84'/1'/0'",
            source_address=None,
            effects=(Pay(Address(DESTINATION), NETWORK.native.id, amount),),
            fee_max=10,
            requested_at=at,
            expires_at=at + timedelta(days=1),
        )


BOTH = pytest.mark.parametrize(
    "past",
    [
        pytest.param("sqlite_url", marks=pytest.mark.database),
        pytest.param("postgres_url", marks=[pytest.mark.database, pytest.mark.postgres]),
    ],
    indirect=True,
)
"""For tests of queries: on either kind of database."""


@pytest.fixture
def past(request: pytest.FixtureRequest, tmp_path: Path) -> Past:
    url = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    return _prepared(Past(url, tmp_path))


def _prepared(made: Past) -> Past:
    async def prepare() -> None:
        database = Database(made.url)
        async with database.write() as session:
            session.add(ClientRow(id=made.client, name="Client", created_at=NOW))
            await session.flush()
            session.add(
                VaultRow(
                    id=made.vault, client_id=made.client, name="Vault", account=0, created_at=NOW
                )
            )
        await database.close()

    asyncio.run(prepare())
    return made


# explain


def test_explain_names_the_rule_the_approvals_and_the_people(past: Past):
    said = done(*past.imagine("0.5", "--policy", past.policy()), env=past.env)
    assert "needs-approvals (approvals) by large" in said
    assert "needs 2 more of treasury" in said
    assert "treasury is a, b" in said
    assert "allow small: does not apply (amount-limit: 0.5 BTC in" in said
    assert "allow large: applies" in said


def test_explain_counts_approvals_that_are_imagined(past: Past):
    flags = [part for person in "abc" for part in ("--approved-by", person)]
    explain = past.imagine("0.5", "--policy", past.policy())
    assert "allow (allowed) by large" in done(*explain, *flags, env=past.env)
    said = done(*explain, *flags[:2], "--approved-by", "stranger", env=past.env)
    assert "needs 1 more of treasury" in said


@BOTH
def test_explain_counts_what_left_before(past: Past):
    """Windows hold payments and greatest fees: 670 + 10 before, 300 + 20 now are 1000."""
    explain = past.imagine("0.00000300", "--fee-max", "0.00000020", "--policy", past.policy())
    assert "allow (allowed) by small" in done(*explain, env=past.env)
    past.add(670, timedelta(hours=2))
    assert "allow (allowed) by small" in done(*explain, env=past.env)
    past.add(1, timedelta(hours=1))
    assert "needs-approvals (approvals) by large" in done(*explain, env=past.env)


def test_explain_without_a_database(past: Past):
    """As if nothing left before, and nothing is opened or made."""
    explain = past.imagine("0.000003", "--fee-max", "0.00000001", "--client", "anybody")
    env = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{past.folder}/none.sqlite3"}
    assert "allow (allowed) by small" in done(*explain, "--policy", past.policy(), env=env)
    assert not (past.folder / "none.sqlite3").exists()


def test_explain_shortens_the_mandate_to_what_a_rule_grants(past: Past):
    brief = allow("brief")
    brief["grant"]["mandate_lifetime_s"] = 600
    said = done(*past.imagine("0.5", "--policy", past.policy(brief)), env=past.env)
    assert "mandate valid for 0:10:00" in said
    assert "allow (allowed) by brief" in said


def test_explain_denies_what_no_rule_names(past: Past):
    said = done(*past.imagine("0.5", "--policy", past.policy(deny("all"))), env=past.env)
    assert "deny (denied-by-rule) by all" in said


@BOTH
def test_explain_a_stored_transfer(past: Past):
    waiting = past.add(5000, timedelta(hours=1), ["b"], state="awaiting_approval")
    explain = ("policy", "explain", "--transfer", waiting, "--policy")
    said = done(*explain, past.policy(), env=past.env)
    assert "approved by b" in said
    assert "needs 1 more of treasury" in said
    assert "needs 1 more of board" in said
    other = past.policy(allow("large", ("treasury", 1)), version=2)
    assert "under them the signer refuses it" in done(*explain, other, env=past.env)


def test_explain_a_stored_transfer_does_not_count_itself(past: Past):
    transfer = past.add(600, timedelta(hours=1))
    explain = ("policy", "explain", "--transfer", transfer, "--policy", past.policy())
    assert "allow (allowed) by small" in done(*explain, env=past.env)


def test_explain_says_that_a_mandate_has_expired(past: Past):
    transfer = past.add(600, timedelta(days=3))
    explain = ("policy", "explain", "--transfer", transfer, "--policy", past.policy())
    assert "its mandate expired at" in done(*explain, env=past.env)


@pytest.mark.parametrize(
    ("other", "code", "complaint"),
    [
        ({"amount": "1e5"}, 2, "amount_malformed"),
        ({"amount": "0"}, 2, "amount_zero"),
        ({"amount": "-1"}, 2, "amount_negative"),
        ({"amount": "0.123456789"}, 2, "amount_too_many_decimals"),
        ({"amount": "0.00000001"}, 2, "amount_dust"),
        ({"destination": DESTINATION[:-1] + "9"}, 2, "address_checksum"),
        ({"destination": "nonsense"}, 2, "address_malformed"),
        ({"destination": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}, 2, "address_wrong_network"),
        ({"network": "dogecoin"}, 2, "unknown network dogecoin; there are bitcoin,"),
        ({"asset": "eip155:1/erc20:0x0"}, 2, "unknown asset"),
        ({"fee-max": "x"}, 2, "amount_malformed"),
        ({"vault": "vlt_nobody"}, 1, "vault_not_found"),
        ({"transfer": "tfr_x"}, 2, "goes with no other flag"),
    ],
    ids=str,
)
def test_explain_refuses_what_can_not_be_asked(
    past: Past, other: dict[str, str], code: int, complaint: str
):
    explain = past.imagine("0.5", "--policy", past.policy(), **other)
    assert complaint in refused(code, *explain, env=past.env)


def test_explain_needs_a_transfer_or_all_of_one(past: Past):
    assert "name --transfer, or all of" in refused(2, "policy", "explain", "--vault", "x")
    explain = ("policy", "explain", "--policy", past.policy(), "--transfer", "tfr_none")
    assert "transfer_not_found" in refused(1, *explain, env=past.env)


# replay


@BOTH
def test_replay_shows_what_another_version_would_have_decided(past: Past):
    past.add(500, timedelta(hours=30))
    middle = past.add(800, timedelta(hours=2))
    past.add(9000, timedelta(hours=1), ["a", "b", "c"])
    current = past.policy()
    stricter = past.policy(
        allow("small", most=600), SMALL_THEN_LARGE[1], name="new.json", version=2
    )
    said = done("policy", "replay", stricter, "--policy", current, env=past.env)
    assert "3 transfers, version 1 against version 2: 1 would be decided otherwise" in said
    (line,) = [line for line in said.splitlines() if "tfr_" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        middle,
        "allow (allowed) by small",
        "needs-approvals (approvals) by large, needs 2 of treasury, 1 of board",
    ]


def test_replay_without_difference_has_no_table(past: Past):
    past.add(500, timedelta(hours=3))
    said = done("policy", "replay", past.policy(), "--policy", past.policy(), env=past.env)
    assert said == ("1 transfers, version 1 against version 1: 0 would be decided otherwise\n")


def test_replay_of_nothing(past: Past):
    said = done("policy", "replay", past.policy(), "--policy", past.policy(), env=past.env)
    assert said.startswith("0 transfers")


@BOTH
def test_replay_since_a_day_still_knows_what_left_before_it(past: Past):
    """The transfer of the day before fills the window, and is not reported itself."""
    today = NOW.replace(hour=0, minute=0, second=0)
    moment = today + timedelta(minutes=1)
    past.add(900, NOW - (today - timedelta(minutes=1)))
    past.add(300, NOW - moment)
    wider = past.policy(allow("small", most=5000), SMALL_THEN_LARGE[1], name="new.json", version=2)
    arguments = ("policy", "replay", wider, "--policy", past.policy(), "--since")
    said = done(*arguments, f"{today:%Y-%m-%d}", env=past.env)
    assert said.startswith("1 transfers")
    assert "1 would be decided otherwise" in said
    said = done(*arguments, f"{today + timedelta(days=1):%Y-%m-%d}", env=past.env)
    assert said.startswith("0 transfers")


def test_replay_counts_an_approval_once_given(past: Past):
    """Approvals are those of the database; without them the same transfer would have waited."""
    past.add(9000, timedelta(hours=2), ["a", "b", "c"])
    past.add(9000, timedelta(hours=1), ["a", "b"])
    only_treasury = past.policy(allow("large", ("treasury", 2)), name="new.json", version=2)
    said = done("policy", "replay", only_treasury, "--policy", past.policy(), env=past.env)
    assert "2 transfers" in said
    assert "1 would be decided otherwise" in said


def test_replay_refuses_a_broken_version_and_a_date_that_is_none(past: Past):
    broken = write_json(past.folder / "broken.json", {})
    assert "format: unknown" in refused(2, "policy", "replay", broken, env=past.env)
    assert "since" in refused(
        2, "policy", "replay", past.policy(), "--since", "yesterday", env=past.env
    )


@BOTH
def test_both_change_nothing_in_the_database(past: Past):
    past.add(500, timedelta(hours=3))
    before = _everything(past.url)
    done(
        "policy",
        "replay",
        past.policy(),
        "--policy",
        past.policy(),
        env=past.env,
    )
    done(*past.imagine("0.5", "--policy", past.policy()), env=past.env)
    assert _everything(past.url) == before


def _everything(url: str) -> str:
    async def read() -> str:
        from sqlalchemy import select

        database = Database(url)
        async with database.read() as session:
            rows = await session.all(select(TransferRow))
        await database.close()
        return json.dumps([[row.id, row.state, row.version, str(row.updated_at)] for row in rows])

    return asyncio.run(read())
