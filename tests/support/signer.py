"""A signer to test with: in this process (`Bench`), or the real program (`running_signer`).

People and policies are in `signer_policy.py`, transactions that do anything in `signer_script.py`;
both are to be had here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from typer.testing import CliRunner

from chains.codec import TransactionCodec
from chains.costs import CostKind, costs_in
from chains.effects import Pay
from chains.families import CODECS
from chains.keys import ExtendedPublicKey
from chains.model import (
    Address,
    AddressType,
    AssetId,
    NetworkId,
    OwnedAddress,
    UnsignedTx,
)
from chains.networks import Network
from signer.ceremonies import app
from signer.ceremonies.words import seed_of
from signer.cli import main
from signer.client import SignerClient
from signer.keychain import OwnKey
from signer.keystore import Contents, KeyDerivation, create
from signer.policy import Administrators, Policy, basis_of
from signer.session import LOG_KEY, Session, root_of
from signer.state import StateDirectory
from signer.wire import (
    Action,
    Consent,
    Core,
    Mandate,
    Purpose,
    Receipt,
    SignRequest,
    format_time,
)
from tests.support.networks import find_network
from tests.support.signer_clock import NOON as NOON
from tests.support.signer_clock import Clock as Clock
from tests.support.signer_policy import (
    ADA,
    ADMINISTRATORS,
    BOB,
    EVE,
    PINNED,
    Person,
    administrators_json,
    local_networks,
    person_json,
    policy_document,
    rule,
    sign_policy,
    window,
)
from tests.support.signer_script import ScriptedCodec, cancelling, script

__all__ = [
    "ADA",
    "ADMINISTRATORS",
    "BOB",
    "EVE",
    "PINNED",
    "Person",
    "ScriptedCodec",
    "administrators_json",
    "cancelling",
    "local_networks",
    "person_json",
    "policy_document",
    "rule",
    "script",
    "sign_policy",
    "window",
]

"""A Wednesday."""
ENTROPY = bytes(range(32))
SEED = bytes(seed_of(bytearray(ENTROPY)))
VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "keys"


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text())


MANDATE = Mandate(
    core=Core(
        transfer="t1",
        retry_of="t0",
        client="c1",
        vault="v1",
        network=NetworkId("eip155:31337"),
        action=Action.TRANSFER,
        initiator="robot",
        source_path="m/44'/60'/0'/0/0",
        source_address=Address("0xabc"),
        effects=(Pay(Address("0xdef"), AssetId("eip155:31337/slip44:60"), 2**255, "memo"),),
        requested_at=NOON,
    ),
    version=1,
    costs_max={(AssetId("eip155:31337/slip44:60"), CostKind.FEE): 21000},
    basis=bytes(range(32)),
    offered_at=NOON,
    expires_at=NOON + timedelta(hours=1),
)
"""One of everything that a mandate has."""
_CORE_FIELDS = frozenset(field.name for field in fields(Core))


def changed(mandate: Mandate, **changes: Any) -> Mandate:
    """`mandate` with other values, of its core too. `fee_max`: in place of all its costs."""
    parts = {name: changes.pop(name) for name in _CORE_FIELDS & changes.keys()}
    core = replace(mandate.core, **parts)
    if "fee_max" in changes:
        costs = {CostKind.FEE: changes.pop("fee_max")}
        changes["costs_max"] = costs_in(native(core.network), costs)
    return replace(mandate, core=core, **changes)


def offer(**values: Any) -> Mandate:
    """The first version of a transfer, offered when it was asked for."""
    values = {"retry_of": None, "offered_at": values["requested_at"], **values}
    return changed(MANDATE, **values)


# The signer, in this process


class Bench:
    """A session with a policy and two vaults, `v1` of `c1` (account 0) and `v2` of `c2`."""

    def __init__(
        self,
        folder: Path,
        *,
        document: bytes | None = None,
        networks: Iterable[Network] | None = None,
        scripted: bool = True,
        clock: Clock | None = None,
        enabled: Sequence[str] = (),
        make: Any = None,
    ) -> None:
        """`enabled`: names of networks that only a policy describes. `make`: codecs, where neither
        the scripted nor the real ones are wanted."""
        chosen = list(networks or local_networks())
        make = make or (ScriptedCodec if scripted else lambda n: CODECS[n.family](n))
        self._make = make
        self.networks = (*(n.alias for n in chosen), *enabled)
        self.codecs: dict[NetworkId, TransactionCodec] = {n.id: make(n) for n in chosen}
        self.clock = clock or Clock()
        self.state = StateDirectory(folder)
        folder.mkdir(exist_ok=True)
        self.session = self.open()
        if self.session.guard.in_force.policy is None:
            self.session.vaults.open("c1", "v1")
            self.session.vaults.open("c2", "v2")
            self.session.publisher.publish(sign_policy(document or policy_document()))

    def open(self) -> Session:
        contents = Contents(bytearray(SEED), PINNED)
        return Session(
            self.state,
            contents,
            self.networks,
            self.clock,
            self.clock.counter,
            make_codec=self._make,
        )

    def restart(self) -> None:
        """As after a crash: nothing survives but the files."""
        self.session.close()
        self.session = self.open()

    def network(self, alias: str) -> Network:
        return self.session.guard.in_force.catalogue.find_network(alias)

    def codec(self, alias: str) -> TransactionCodec:
        network = self.network(alias)
        return self.codecs.setdefault(network.id, self._make(network))

    def path(self, alias: str = "ethereum-local", vault: str = "v1", index: int = 0) -> str:
        codec = self.codec(alias)
        found = self.session.guard.registry.vault(vault)
        assert found is not None
        return codec.address_path(codec.network.address_types[0], found.account, index)

    def address(self, alias: str = "ethereum-local", vault: str = "v1", index: int = 0) -> Address:
        network = self.network(alias)
        kind = network.address_types[0]
        (key,) = self.session.vaults.public_keys(vault, network.id, kind, index, 1)
        return self.codec(alias).derive_address(key, kind)

    def change(self, index: int, kind: AddressType = AddressType.P2WPKH) -> OwnedAddress:
        """Where the rest of `v1`'s bitcoin coins returns to."""
        network = find_network("bitcoin-regtest").id
        codec = self.codecs[network]
        account = ExtendedPublicKey.parse(self.session.vaults.account_key("v1", network, kind))
        key = account.derive(f"1/{index}").public_key
        path = codec.address_path(kind, 0, index, change=True)
        return OwnedAddress(codec.derive_address(key, kind), kind, path, key)

    def mandate(self, alias: str = "ethereum-local", **changes: Any) -> Mandate:
        """A transfer of 100 base units of the native coin out of `v1`, asked for by a robot, under
        the policy in force. `source`: another vault whose first address pays."""
        network = self.network(alias)
        vault = changes.pop("source", "v1")
        asked = changes.pop("requested_at", self.clock.now)
        core = Core(
            transfer="t1",
            retry_of=None,
            client="c1",
            vault=vault,
            network=network.id,
            action=Action.TRANSFER,
            initiator="robot",
            source_path=self.path(alias, vault),
            source_address=self.address(alias, vault),
            effects=(Pay(Address("someone"), network.native.id, changes.pop("amount", 100)),),
            requested_at=asked,
        )
        offered = Mandate(
            core=core,
            version=1,
            costs_max=costs_in(network.native.id, {CostKind.FEE: 10}),
            basis=bytes(32),
            offered_at=asked,
            expires_at=self.clock.now + timedelta(hours=1),
        )
        made = changed(offered, **changes)
        policy = self.session.guard.in_force.policy
        if policy is None or "basis" in changes:
            return made
        return replace(made, basis=basis_of(policy, made.core))

    def sign(self, *requests: SignRequest) -> Any:
        """The outcomes; the only one if there is one."""
        outcomes = self.session.signer.sign(CALLER, requests)
        return outcomes[0] if len(outcomes) == 1 else outcomes

    def send(self, mandate: Mandate, *approvers: Person, **changes: Any) -> Any:
        """Ask for the transaction of `mandate`, with approvals."""
        return self.sign(paying(agreed(mandate, *approvers), **changes))

    def log(self) -> list[dict[str, Any]]:
        """Bodies of the audit log's records."""
        rows = [json.loads(line) for line in self.state.log.read_text().splitlines()]
        return [row["body"] for row in rows if "body" in row]


def is_repetition(again: Any, first: Receipt) -> bool:
    """Whether it is the same answer, but for the log having grown since."""
    return replace(again, checkpoint=first.checkpoint) == first


def log_key() -> OwnKey:
    """What every `Bench` seals its journal with."""
    return root_of(Contents(bytearray(SEED), PINNED)).own_key(LOG_KEY)


def caller(name: str = "test", *, allowed: bool = True) -> Any:
    from signer.service import Caller

    return Caller(name, allowed)


CALLER = caller()


def agreed(mandate: Mandate, *approvers: Person) -> Consent:
    """The mandate, with these persons' approvals."""
    return Consent(mandate, tuple(person.approve(mandate) for person in approvers))


def paying(*consents: Consent, tx: UnsignedTx | None = None, **changes: Any) -> SignRequest:
    """One transaction for all of them; `changes`: see `script`."""
    made = tx or script(*(consent.mandate for consent in consents), **changes)
    return SignRequest(Purpose.PAY, made, consents)


def calling_off(*mandates: Mandate, tx: UnsignedTx | None = None, **changes: Any) -> SignRequest:
    """One transaction that keeps all of them from being paid."""
    made = tx or cancelling(*mandates, **changes)
    return SignRequest(Purpose.CANCEL, made, tuple(map(Consent, mandates)))


def outcome_word(outcome: Any) -> str:
    """``signed``, or ``code/detail`` of a refusal."""
    if isinstance(outcome, Receipt):
        return "signed"
    return f"{outcome.code.value}/{outcome.detail}"


def refused_and_logged(bench: Bench, outcome: Any, expected: str) -> None:
    """As expected, with a record that says the same, and the signer goes on."""
    assert outcome_word(outcome) == expected
    record = bench.log()[-1]
    assert f"{record['code']}/{record['detail']}" == expected
    assert record["transfer"] == outcome.transfer
    assert record["message"] == outcome.message
    assert outcome_word(bench.send(bench.mandate(transfer="honest"), ADA, BOB)) == "signed"


def aimed(value: Any, address: Address) -> Any:
    """`value` with SELF replaced by our own address."""
    if isinstance(value, list):
        return [aimed(item, address) for item in value]
    return address if value == "SELF" else value


def native(alias: str) -> AssetId:
    return find_network(alias).native.id


# The signer, in a process of its own

SIGNER = (sys.executable, "-m", "signer.cli")
PASSPHRASE = b"correct horse battery staple"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Said:
    returncode: int
    stdout: str
    stderr: str


def run_cli(
    *arguments: str | Path, secrets: Mapping[str, bytes] | None = None, check: bool = True
) -> Said:
    """`custody-signer` in this process, each secret on a file descriptor of its own."""
    return _run(_run_signer, arguments, secrets, check)


def run_keys(
    *arguments: str | Path, secrets: Mapping[str, bytes] | None = None, check: bool = True
) -> Said:
    """`custody-keys`, likewise."""
    return _run(_run_keys, arguments, secrets, check)


def _run(
    program: Callable[[Sequence[str]], Said],
    arguments: Sequence[str | Path],
    secrets: Mapping[str, bytes] | None,
    check: bool,
) -> Said:
    """Only the hardening is left out, which would be the test's own process's."""
    passed = {"--passphrase-fd": PASSPHRASE} if secrets is None else secrets
    descriptors, command = _passed(arguments, passed, ())
    try:
        with patch("signer.commands.harden_process"):
            said = program(command)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    assert not check or said.returncode == 0, said.stderr
    return said


def _run_signer(arguments: Sequence[str]) -> Said:
    out, err, code = StringIO(), StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return Said(code, out.getvalue(), err.getvalue())


def _run_keys(arguments: Sequence[str]) -> Said:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def _passed(
    arguments: Iterable[str | Path],
    secrets: Mapping[str, bytes],
    program: Sequence[str] = SIGNER,
) -> tuple[list[int], list[str]]:
    command: list[str] = [*program, *map(str, arguments)]
    descriptors: list[int] = []
    for option, secret in secrets.items():
        read, write = os.pipe()
        os.write(write, secret + b"\n")
        os.close(write)
        descriptors.append(read)
        command += [option, str(read)]
    return descriptors, command


@dataclass
class RunningSigner:
    """A serving process of ours; `where` is what it said when it began to listen."""

    state: StateDirectory
    socket: Path
    process: subprocess.Popen[str]
    where: str

    def client(self, **options: Any) -> SignerClient:
        return SignerClient(self.socket, **options)

    def kill(self) -> None:
        """As a power cut does to a process."""
        self.process.kill()
        self.process.wait(20)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def prepare_state(folder: Path, *, administrators: Any = None) -> StateDirectory:
    """What `init --administrators` makes, with the cheapest Argon2id that is allowed."""
    state = StateDirectory(folder / "state")
    pinned = Administrators.parse(administrators or administrators_json())
    cheap = KeyDerivation(memory_kib=19 * 1024, iterations=2, lanes=1)
    with state.exclusive():
        entropy = bytearray(os.urandom(32))
        contents = Contents(seed_of(entropy), pinned)
        create(state.keystore, contents, entropy, bytearray(PASSPHRASE), derivation=cheap)
    return state


@contextmanager
def running_signer(
    state: StateDirectory,
    *arguments: str | Path,
    secrets: Mapping[str, bytes] | None = None,
    program: Sequence[str] = SIGNER,
) -> Iterator[RunningSigner]:
    """Serving all local networks on a Unix socket beside the state, stopped when this ends."""
    socket = state.path.parent / "signer.sock"
    networks = [part for n in local_networks() for part in ("--network", n.alias)]
    serve = ["serve", "--state-dir", state.path, "--socket", socket, *networks, *arguments]
    passed = {"--passphrase-fd": PASSPHRASE} if secrets is None else secrets
    descriptors, command = _passed(serve, passed, program)
    process = subprocess.Popen(
        command, cwd=ROOT, pass_fds=descriptors, stdout=subprocess.PIPE, text=True
    )
    for descriptor in descriptors:
        os.close(descriptor)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("serving "), f"it said {said!r}"
        yield RunningSigner(state, socket, process, said.removeprefix("serving ").strip())
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def parsed(document: bytes) -> Policy:
    return Policy.parse(document)


def at(text: str) -> datetime:
    """A moment like ``2026-03-04T12:00:00Z``."""
    moment = datetime.fromisoformat(text)
    assert format_time(moment) == text
    return moment
