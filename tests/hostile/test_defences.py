"""Take a defence out and the attack succeeds: so these tests can fail, and each check is needed.

In this process, on the signer's own code. First the attack as it is, then once more with the
defence replaced by one that waves everything through.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from chains.bitcoin.codec import BitcoinCodec
from chains.catalogue import built_in
from chains.costs import above
from chains.effects import Pay
from chains.model import Address, Excludes, UnsignedTx
from chains.solana.codec import SolanaCodec
from chains.transaction import TxSummary
from signer import judging
from signer.accounts import Accounts
from signer.clock import utc_now
from signer.errors import JournalFault
from signer.messages import CallRefused
from signer.policy import (
    Detail,
    Evaluation,
    Policy,
    PolicyHead,
    Ruling,
    Spend,
    Usage,
    Window,
    taken_of,
)
from signer.service import Source
from signer.tree import Frontier
from signer.wire import Consent, Core, Purpose, text
from tests.hostile.attack import Attack
from tests.hostile.attacks import ATTACKS
from tests.hostile.attacks_several import EFFECTS
from tests.hostile.house import House, in_process
from tests.hostile.transactions import ETHEREUM, honest
from tests.support.signer import Clock

TAKES = judging._takes
BITCOIN_OUTPUT = BitcoinCodec._output
SOLANA_SUMMARY, BITCOIN_SUMMARY = SolanaCodec._summary, BitcoinCodec.summarize
ROWS = {attack.name: attack for attack in ATTACKS}


def nothing(*_: object, **__: object) -> None:
    """A check that lets everything pass."""


def believe_mandate(case: Any, _: Any, inputs: Any, vault: Any, accounts: Any) -> Source:
    """Step 4 that looks at the mandate and not at the transaction."""
    core = case.cores[0]
    account = accounts.containing(core.network, vault.account, core.source_path)
    return Source(account, tuple(item.path or core.source_path for item in inputs))


def believe_names(consent: Consent, policy: Policy) -> tuple[str, ...]:
    """Whoever is named has approved."""
    return tuple(approval.approver for approval in consent.approvals)


def believe_container(place: str, spent: Any, fields: Any) -> Any:
    """The coin is worth what the PSBT says."""
    return fields.witness_output


def empty_window(*_: object, **__: object) -> Usage:
    return Usage(0, 0)


def fees_of_the_vault_only(spends: Sequence[Spend], window: Window) -> Usage:
    """A destination's window counts what it is paid and no fee."""
    counted = spends if window.destination is None else [s for s in spends if s.destination]
    return taken_of(counted, window)


def any_head(in_force: Any, signed: Any) -> PolicyHead:
    """Whoever signed it, and whatever its version."""
    return PolicyHead.parse(signed.document)


def any_client(signer: Any, core: Core) -> Any:
    return signer._guard.registry.vault(core.vault)


def always_allow(*_: object, **__: object) -> Evaluation:
    return Evaluation(Ruling.ALLOW, Detail.ALLOWED, "none", (), None, ())


def any_owner(*_: object, **__: object) -> bool:
    return True


def no_records(*_: object) -> Iterator[Any]:
    return iter(())


def believe_creation(codec: Any, plan: Any, reading: Any) -> TxSummary:
    """The creation of an account binds as a nonce does, though it only excludes two successes."""
    summary = SOLANA_SUMMARY(codec, plan, reading)
    keys = (replace(key, excludes=Excludes.INCLUSION) for key in summary.conflict_keys)
    return replace(summary, conflict_keys=frozenset(keys))


def name_container(codec: BitcoinCodec, tx: UnsignedTx) -> TxSummary:
    """A transaction is called after its container."""
    return replace(BITCOIN_SUMMARY(codec, tx), identity=sha256(tx.payload).hexdigest())


def believe_sums(cores: Sequence[Core]) -> Core:
    """Whoever stands together belongs together."""
    return cores[0]


def doubled(costs: Any, bounds: Any) -> Any:
    """Each bound counts twice."""
    return above(costs, {place: 2 * units for place, units in bounds.items()})


def in_total(costs: Any, bounds: Any) -> None:
    """Costs are compared as one number."""
    assert sum(costs.values()) <= sum(bounds.values())


def newest_only(own: Any, earlier: Any, now: Any) -> Any:
    """What was signed before takes nothing."""
    return tuple(own)


def freed_by_a_cancel(purpose: Purpose, *case: Any) -> Any:
    """A cancel repeats nothing of what its transfer took."""
    left = 0 if purpose is Purpose.CANCEL else 1
    return tuple(spend._replace(amount=left * spend.amount) for spend in TAKES(purpose, *case))


def nothing_is_a_payment(codec: Any, place: str, output: Any, fields: Any, doubts: Any) -> Any:
    found = BITCOIN_OUTPUT(codec, place, output, fields, [])
    native = codec.network.native.id
    return found or Pay(codec.addresses.address_of(output.script), native, output.amount)


def any_branch(accounts: Accounts, account: Any, path: str, address: Address) -> None:
    """Change goes to any address of ours."""
    accounts.check_owned(account, path, address)


def no_doubts(*_: object) -> list[str]:
    return []


def no_needs(*_: object) -> tuple[Any, ...]:
    return ()


def believe_records(journal: Any) -> None:
    """Opens a journal without looking at its chain, its seal and its columns."""
    newest = journal._one("SELECT sequence, head FROM journal ORDER BY sequence DESC LIMIT 1")
    if newest is not None:
        tree = Frontier(newest[0])  # as long as it should be, of whatever leaves
        journal._end = journal._end._replace(sequence=newest[0], head=newest[1], tree=tree)
        (journal._seal,) = journal._one("SELECT checkpoint FROM seal") or ("",)


STEP_4 = {"signer.service:step4_compare": believe_mandate}
NO_CHANGE_DOUBTS = {"chains.bitcoin.codec:_change_doubts": no_doubts}
LIFETIME = {"signer.service:Signer._check_lifetime": nothing}
PAYABLE: dict[str, Callable[..., Any]] = {
    "signer.agreement:_check_payment": nothing,
    "signer.mandate:check_payable": nothing,
    "signer.policy.evaluate:_senseless": nothing,
}
FEES_PER_DESTINATION = dict.fromkeys(
    ("signer.policy.facts:taken_of", "signer.usage:taken_of", "signer.judging:taken_of"),
    fees_of_the_vault_only,
)
PAYMENTS = {"signer.mandate:_check_effects": nothing}
OWNED = {"signer.accounts:Accounts.check_owned": nothing}
APPROVALS = {"signer.service:check_approvals": believe_names}
CURRENT = {"signer.service:check_current": nothing}
NEEDS = {"signer.policy.evaluate:missing_approvals": no_needs}
POLICY = {"signer.judging:evaluate": always_allow}
GUARD = {"signer.guard:Guard.check": nothing}
CREATION_BINDS = {"chains.solana.codec:SolanaCodec._summary": believe_creation}
NO_IDENTITY = {"signer.journal:Journal.signed_as": no_records}
CONTAINER_IDENTITY = {"chains.bitcoin.codec:BitcoinCodec.summarize": name_container}
WINDOWS = {"signer.guard:Guard.usage": empty_window}
SPENT_OUTPUT = {"chains.bitcoin.codec:_spent_output": believe_container}
OWNS = {"chains.bitcoin.codec:_owns": any_owner}
CALLDATA = {"chains.evm.codec:_unexplained": no_doubts}
QUORUM = {"signer.inforce:check_quorum": nothing}
STOP = {"signer.inforce:PolicyInForce.check_stop": nothing}
REQUIRED = {"signer.inforce:PolicyInForce.require": lambda in_force: in_force.policy}
VERSIONS = {"signer.inforce:PolicyInForce._check_head": any_head}
VAULTS = {"signer.service:Signer._vault": any_client}
NAMES = {"signer.endpoint:identifier": text}
SPELLING = {"signer.messages:parse_json": json.loads}
PAYS_NOTHING = {"chains.bitcoin.codec:BitcoinCodec._output": nothing_is_a_payment}
TOGETHER = {"signer.service:check_together": believe_sums}
SIGNED_BEFORE = {"signer.service:check_cancelled": nothing}
READABLE = {"chains.evm.messages:readable": lambda content: content.decode()}
NAMED_CHAIN = {"chains.evm.messages:_check_domain": nothing}
NO_GIVING = {"chains.evm.messages:giving": nothing}

REMOVED: list[tuple[str, dict[str, Any]]] = [
    ("another destination", STEP_4),
    ("another amount", STEP_4),
    ("another asset", STEP_4),
    ("a higher fee", STEP_4),
    ("more kept of a payment", {"signer.mandate:_check_costs": nothing}),
    ("another source address", STEP_4),
    ("a token call disguised as a transfer", STEP_4),
    ("an extra output", PAYMENTS),
    ("another destination on TRON", PAYMENTS),
    ("another destination on Solana", PAYMENTS),
    ("unknown calldata", CALLDATA),
    ("change to a foreign key", OWNED),
    ("change to a foreign address", {**OWNS, **OWNED}),
    ("another source path", OWNED),
    ("an input amount lied about", SPENT_OUTPUT),
    ("an input amount without proof", SPENT_OUTPUT),
    ("another client's vault", {**VAULTS, **POLICY}),
    ("approvals replayed for the thief", APPROVALS),
    ("approvals replayed on another network", APPROVALS),
    ("one key under two names", APPROVALS),
    ("a rejection as approval", APPROVALS),
    ("an approval by the initiator", {**APPROVALS, **NEEDS}),
    ("one key twice", {**APPROVALS, **NEEDS}),
    ("a removed approver", {**APPROVALS, **NEEDS}),
    ("no approvals", NEEDS),
    ("one person in two groups", NEEDS),
    ("an expired mandate", CURRENT),
    ("a mandate of the old policy", CURRENT),
    ("change torn to dust", NO_CHANGE_DOUBTS),
    ("change of nothing", NO_CHANGE_DOUBTS),
    ("change far ahead", {"signer.guard:Guard.check_change": nothing}),
    ("change among receiving addresses", {"signer.accounts:Accounts.check_change": any_branch}),
    ("locked for decades", LIFETIME),
    ("good for decades", LIFETIME),
    ("a payment of nothing", {**PAYABLE, **CALLDATA, **PAYMENTS}),
    ("a payment of nothing on bitcoin", {**PAYABLE, **PAYS_NOTHING}),
    ("dust", PAYABLE),
    ("TRX to the zero address", PAYABLE),
    ("a destination's limit drained as fees", FEES_PER_DESTINATION),
    ("an idle deny entry", {"signer.publishing:Publisher._check_addresses": nothing}),
    ("a policy that forgets fees", {"signer.policy.document:check_cost_windows": nothing}),
    ("a payment to an outlaw", POLICY),
    ("beside the allowlist", POLICY),
    ("before the time lock ends", POLICY),
    ("a second transaction", GUARD),
    ("a second transaction from other coins", GUARD),
    ("a second transaction on TRON", GUARD),
    ("a blockhash as nonce value", GUARD),
    ("a rival creation on Solana", CREATION_BINDS),
    ("one transaction for two transfers", NO_IDENTITY),
    ("one transaction for two transfers on TRON", NO_IDENTITY),
    ("one transaction in two containers", CONTAINER_IDENTITY),
    ("the same transfer on another network", GUARD),
    ("a window split over many requests", WINDOWS),
    ("a window split within one batch", WINDOWS),
    ("a window split over a restart", {"signer.journal:Journal.signed_since": no_records}),
    ("one transfer in two batches", GUARD),
    ("a chain of batches", GUARD),
    ("bytes reused for another partner", NO_IDENTITY),
    ("bytes reused for one of two", {**PAYMENTS, **NO_IDENTITY}),
    ("a partner of another client", {**TOGETHER, **POLICY}),
    ("a partner of another vault", {**TOGETHER, **POLICY}),
    ("a transfer twice in one request", TOGETHER),
    ("a transfer in two versions in one request", TOGETHER),
    ("one payment for two transfers", PAYMENTS),
    ("a partner's approvals", APPROVALS),
    ("a partner that nobody approved", NEEDS),
    ("bounds counted twice", {"signer.mandate:above": doubled}),
    ("rent taken as a fee", {"signer.mandate:above": in_total}),
    ("a window split within one transaction", {"signer.judging:taken_of": empty_window}),
    ("version 1's approvals under version 2", APPROVALS),
    ("another transfer by the same name", {"signer.guard:Guard.check_cores": nothing}),
    ("a basis of another rule", CURRENT),
    ("a window that forgets the dearer version", {"signer.judging:most_of": newest_only}),
    ("a memo left out", {**PAYMENTS, **PAYABLE}),
    ("a cancel before anything was signed", SIGNED_BEFORE),
    ("a cancel with bounds only offered", SIGNED_BEFORE),
    ("a cancel of a partner that was never signed", SIGNED_BEFORE),
    ("a cancel that pays", PAYMENTS),
    ("a cancel that costs more", {"signer.mandate:_check_costs": nothing}),
    ("a cancel repeated to burn fees", GUARD),
    ("a cancel that erases", {"signer.judging:_takes": freed_by_a_cancel}),
    *((attack.name, {**PAYMENTS, **POLICY}) for attack in EFFECTS),
    ("one half for two transfers", NO_IDENTITY),
    ("a second half for the same transfer", GUARD),
    ("a half that pays another", PAYMENTS),
    ("a half that pays more", PAYMENTS),
    ("the house behind a third's signature", {"chains.solana.carrying:is_signed": any_owner}),
    ("one message for two carriers", NO_IDENTITY),
    ("another message than the house agreed to", PAYMENTS),
    ("a carrier above its bounds", {"signer.mandate:_check_costs": nothing}),
    ("another text", PAYMENTS),
    ("a hash to sign", READABLE),
    ("letters that nobody sees", READABLE),
    ("a login at another site", POLICY),
    ("a login as a text", {"chains.evm.messages:no_login": nothing}),
    ("typed data of another chain", NAMED_CHAIN),
    ("typed data for another contract", POLICY),
    ("an order as a message", {**NO_GIVING, **POLICY}),
    ("a permit called a message", {**PAYMENTS, **POLICY}),
    ("more in a permit", PAYMENTS),
    ("a permit that could be kept", LIFETIME),
    ("a second permit for the same transfer", GUARD),
    ("one permit for two transfers", NO_IDENTITY),
    ("a window split over permits", WINDOWS),
    ("a message under a rule for payments", POLICY),
    ("an unsigned policy", QUORUM),
    ("a policy signed by too few", QUORUM),
    ("a policy signed by a removed administrator", QUORUM),
    ("a policy rolled back", VERSIONS),
    ("a stop by a stranger", STOP),
    ("a stop by a removed administrator", STOP),
    ("a stop of another signer", STOP),
    ("a stop that was ended, said again", STOP),
    ("a policy's signature as a stop", STOP),
    ("a payment while it is stopped", REQUIRED),
    ("a stop ended by the version in force", REQUIRED),
    ("JSON in another spelling", SPELLING),
    ("a vault that looks like another", NAMES),
    ("a client that looks like another", NAMES),
]


@pytest.mark.parametrize(("name", "defences"), REMOVED, ids=[name for name, _ in REMOVED])
def test_without_its_defence_the_attack_succeeds(
    name: str,
    defences: dict[str, Callable[..., Any]],
    house: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attack = ROWS[name]
    assert attack.perform is not None
    with in_process(house.copy(tmp_path / "whole"), Clock(utc_now())) as world:
        assert attack.perform(world) == attack.expected
    take_out(defences, monkeypatch)
    with in_process(house.copy(tmp_path / "without"), Clock(utc_now())) as world:
        assert attack.perform(world).startswith(("signed", "accepted"))


@pytest.fixture(autouse=True)
def codecs_of_its_own() -> Iterator[None]:
    """Codecs remember what they read, with a defence or without."""
    yield
    built_in.cache_clear()


def take_out(defences: dict[str, Callable[..., Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """`module:attribute` to what stands in for it."""
    for target, replacement in defences.items():
        module, _, attribute = target.partition(":")
        *owners, name = attribute.split(".")
        owner = reduce(getattr, owners, import_module(module))
        monkeypatch.setattr(owner, name, replacement)
    built_in.cache_clear()


RECORDS = {"signer.journal:Journal._verify": believe_records}
LOG = {"signer.auditlog:_check_no_more": nothing}
TABLES = {"signer.journal:_check_schema": nothing}

FILES: list[tuple[str, dict[str, Callable[..., Any]]]] = [
    ("the last record deleted", {**RECORDS, **LOG}),
    ("a record in the middle deleted", {**RECORDS, **LOG}),
    ("an amount in a record changed", {**RECORDS, **LOG}),
    ("the journal's columns made to lie", {**TABLES, **RECORDS}),
    ("a column that contradicts its record", RECORDS),
    ("the write-ahead log removed", LOG),
    (
        "an older policy after a recovery",
        {"signer.inforce:PolicyInForce._recover": nothing},
    ),
    ("everything restored from a backup", {"signer.journal:Journal.expect": nothing}),
]


def opens(attack: Attack, house: House, folder: Path) -> str:
    """What comes of starting on spoilt files, and of asking for a second payment there."""
    state = house.copy(folder)
    assert attack.spoil is not None
    attack.spoil(state)
    try:
        with in_process(state, Clock(utc_now())) as world:
            world.again, world.newest = house.again, house.newest
            return attack.perform(world) if attack.perform else "started"
    except JournalFault as fault:
        return str(fault)


@pytest.mark.parametrize(("name", "defences"), FILES, ids=[name for name, _ in FILES])
def test_without_its_defence_spoilt_files_are_believed(
    name: str,
    defences: dict[str, Callable[..., Any]],
    house: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attack = ROWS[name]
    refused = opens(attack, house, tmp_path / "whole")
    assert attack.says in refused if attack.says else refused == attack.expected
    take_out(defences, monkeypatch)
    assert opens(attack, house, tmp_path / "without") in ("started", "signed")


def test_without_step_1_a_stranger_is_served(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_process(house.copy(tmp_path), Clock(utc_now()), allowed=False) as world:
        with pytest.raises(CallRefused, match="not on the list"):
            world.call("status")
        for module in ("service", "endpoint"):
            take_out({f"signer.{module}:step1_authenticate": nothing}, monkeypatch)
        assert world.word(honest(world, ETHEREUM)) == "signed"
