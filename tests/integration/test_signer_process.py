"""The program itself: its sockets, its callers, its lock, and what it says to nonsense."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chains.effects import Pay
from chains.model import Address, AddressType
from custody.config import Settings
from custody.signerlink import connect_signer
from signer.client import SignerClient, SignerError, SignerRefused, SignerUnavailable
from signer.messages import frame, request
from signer.policy import Policy, SignedPolicy, basis_of
from signer.wire import (
    MESSAGE_BYTES_MAX,
    Action,
    Receipt,
    RefusalCode,
)
from tests.integration.test_signer_chains import THEIRS, evm
from tests.support.networks import codec_of, find_network
from tests.support.signer import (
    PASSPHRASE,
    agreed,
    native,
    offer,
    outcome_word,
    paying,
    policy_document,
    prepare_state,
    rule,
    run_cli,
    running_signer,
    sign_policy,
)

ETH = find_network("ethereum-local")
PATH = "m/44'/60'/0'/0/0"


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """Made once, with a vault and a policy."""
    made = prepare_state(tmp_path_factory.mktemp("signer"))
    with running_signer(made) as signer:

        async def fill():
            client = signer.client()
            assert (await client.open_vault("c1", "v1")).account == 0
            assert await client.publish_policy(sign_policy(policy_document(rule("all")))) == 1
            await client.close()

        asyncio.run(fill())
    return made


@pytest.fixture(scope="module")
def signer(state):
    with running_signer(state) as running:
        yield running


@pytest.fixture
async def client(signer):
    made = signer.client()
    yield made
    await made.close()


async def address(client):
    (key,) = await client.public_keys("v1", ETH.id, AddressType.EVM, 0, 1)
    return codec_of(ETH.id).derive_address(key, AddressType.EVM)


async def signing(client, transfer, **changes):
    """A request for a real transaction."""
    now = datetime.now(UTC).replace(microsecond=0)
    ours = await address(client)
    policy = Policy.parse((await client.policy()).document)
    mandate = offer(
        transfer=transfer,
        client="c1",
        vault="v1",
        network=ETH.id,
        action=Action.TRANSFER,
        initiator="robot",
        source_path=PATH,
        source_address=ours,
        effects=(Pay(Address(THEIRS["ethereum-local"]), native("ethereum-local"), 5000),),
        fee_max=10**17,
        requested_at=now,
        expires_at=now + timedelta(hours=1),
    )
    mandate = replace(mandate, basis=basis_of(policy, mandate.core))
    return paying(agreed(mandate), tx=evm("ethereum-local", ours, **changes))


async def test_a_transfer_over_the_socket(client):
    asked = await signing(client, "process-1")
    (outcome,) = await client.sign([asked])
    assert isinstance(outcome, Receipt)
    assert (await client.sign([asked])) == (outcome,)
    assert outcome.mandates == (asked.consents[0].mandate.digest,)
    status = await client.status()
    assert not status.locked
    assert status.policy_version == 1
    assert status.sequence >= outcome.sequence


async def test_an_attested_address(client):
    ours = await address(client)
    attestation = await client.attest(ETH.id, "v1", PATH, ours)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = Ed25519PublicKey.from_public_bytes((await client.status()).attestation_key)
    key.verify(attestation.signature, attestation.message())
    with pytest.raises(SignerRefused) as raised:
        await client.attest(ETH.id, "v1", PATH, Address(THEIRS["ethereum-local"]))
    assert raised.value.detail == "not-ours"


async def test_many_callers_at_once(signer):
    clients = [signer.client() for _ in range(8)]
    asked = [await signing(each, f"many-{n}", nonce=100 + n) for n, each in enumerate(clients)]
    outcomes = await asyncio.gather(
        *(each.sign([item]) for each, item in zip(clients, asked, strict=True))
    )
    assert [outcome_word(one) for (one,) in outcomes] == ["signed"] * 8
    assert len({one.sequence for (one,) in outcomes}) == 8
    for each in clients:
        await each.close()


async def test_one_client_used_by_many_tasks(client):
    opened = await asyncio.gather(*(client.open_vault("c1", "v1") for _ in range(20)))
    assert {(each.account, each.sequence) for each in opened} == {(0, 1)}


async def test_more_requests_than_one_message_holds(client):
    asked = [await signing(client, "batch", nonce=200)] * 300
    outcomes = await client.sign(asked)
    assert len(outcomes) == 300
    assert {outcome_word(outcome) for outcome in outcomes} == {"signed"}
    data = evm("ethereum-local", asked[0].tx.sender, data=bytes(MESSAGE_BYTES_MAX))
    huge = replace(asked[0], tx=data)
    words = [outcome_word(o) for o in await client.sign([asked[0], huge, asked[0]])]
    assert words == ["signed", "malformed/too-large", "signed"]


async def test_a_cancelled_call_does_not_confuse_the_next(client):
    for _ in range(5):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                await client.open_vault("c1", "v1")
    assert (await client.status()).policy_version == 1


async def test_a_client_reconnects_after_the_signer_was_away(state, tmp_path):
    """The socket is where it was, the process is another."""
    other = prepare_state(tmp_path)
    with running_signer(other) as first:
        client = first.client(timeout_s=5)
        before = await client.status()
    with pytest.raises(SignerUnavailable):
        await client.status()
    with running_signer(other):
        assert await client.status() == before
    await client.close()


def raw(signer, data, *, shut=True, wait_s=5.0):
    """All that the signer answers to these bytes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(wait_s)
        connection.connect(str(signer.socket))
        connection.sendall(data)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


DEEP = b"[" * 200_000
STATUS = frame(request("status", {}))


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 0),
        struct.pack(">I", MESSAGE_BYTES_MAX + 1) + b"x",
        b"\xff\xff\xff\xff",
        STATUS[:2],
        STATUS[:-1],
        b"GET / HTTP/1.1\r\n\r\n",
        frame(DEEP),
        frame(b'{"version":1,"call":"sign","arguments":{"requests":[' + DEEP),
        frame(b"\0" * 1000),
        frame(b"9" * 1_000_000),
    ],
    ids=[
        "empty frame", "oversized", "absurd length", "cut in the length", "cut in the body",
        "HTTP", "deeply nested", "nested in a request", "zeros", "a long number",
    ],
)  # fmt: skip
async def test_nonsense_gets_its_code_and_harms_nobody(signer, client, data):
    answer = await asyncio.to_thread(raw, signer, data)
    assert b'"code":"malformed"' in answer
    assert not (await client.status()).locked


async def test_silence_costs_nobody_anything(signer, client):
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            silent = stack.enter_context(socket.socket(socket.AF_UNIX))
            silent.connect(str(signer.socket))
            silent.sendall(STATUS[:5])
        assert (await client.status()).policy_version == 1


async def test_callers_beyond_the_limit_are_turned_away_and_others_served(signer, client):
    await client.status()
    with contextlib.ExitStack() as stack:
        for _ in range(80):
            extra = stack.enter_context(socket.socket(socket.AF_UNIX))
            extra.connect(str(signer.socket))
        assert (await client.status()).policy_version == 1


async def test_a_receipt_that_the_journal_does_not_know_stops_it(tmp_path):
    own = prepare_state(tmp_path)
    with running_signer(own) as signer:
        client = signer.client(newest=(10**6, bytes(32)))
        assert (await client.status()).sequence == 0
        with pytest.raises(SignerRefused) as raised:
            await client.open_vault("c1", "v1")
        assert (raised.value.code, raised.value.detail) == (
            RefusalCode.UNAVAILABLE,
            "journal-behind",
        )
        await client.close()


# The policy, past custody


async def test_a_policy_that_custody_keeps_back_is_published_at_the_signer(tmp_path):
    own = prepare_state(tmp_path)
    file = tmp_path / "policy.json"
    with running_signer(own) as signer:

        async def cli(*arguments, check=True):
            where = (*arguments, "--state-dir", own.path)
            return await asyncio.to_thread(run_cli, *where, secrets={}, check=check)

        assert "no policy is in force" in (await cli("policy", "show", check=False)).stderr
        signed = sign_policy(policy_document(rule("all")))
        file.write_text(json.dumps(signed.to_json()))
        said = (await cli("policy", "publish", file)).stdout
        assert said == f"version 1 is in force, digest {sha256(signed.document).hexdigest()}\n"
        shown = (await cli("policy", "show")).stdout
        assert SignedPolicy.parse(json.loads(shown)) == signed
        client = signer.client()
        assert await client.policy() == signed
        file.write_text(json.dumps(sign_policy(policy_document(version=2), by=()).to_json()))
        refused = await cli("policy", "publish", file, check=False)
        assert "denied/policy-unsigned" in refused.stderr
        assert b'"caller":"control"' in own.log.read_bytes()
        await cli("lock")
        assert "locked" in (await cli("policy", "publish", file, check=False)).stderr
        await client.close()


async def test_a_signer_put_back_to_before_a_vault_was_opened_is_noticed_by_its_client(tmp_path):
    """Nothing was signed since: the opening itself is the proof of the later record."""
    own = prepare_state(tmp_path)
    with running_signer(own) as signer:
        client = signer.client()
        await client.open_vault("c1", "v1")
        await client.close()
    before = shutil.copytree(own.path, tmp_path / "before")
    with running_signer(own) as signer:
        await client.open_vault("c2", "v2")
        await client.close()
    shutil.rmtree(own.path)
    shutil.move(before, own.path)
    with running_signer(own) as signer:
        with pytest.raises(SignerRefused) as raised:
            await client.open_vault("c3", "v3")
        assert raised.value.detail == "journal-behind"
        await client.close()


# Locking


async def test_locked_until_unlocked(tmp_path):
    own = prepare_state(tmp_path)
    with running_signer(own, "--locked", secrets={}) as signer:
        client = signer.client()
        assert (await client.status()).locked
        with pytest.raises(SignerRefused) as raised:
            await client.open_vault("c1", "v1")
        assert raised.value.code is RefusalCode.LOCKED

        async def cli(*arguments, **options):
            return await asyncio.to_thread(run_cli, *arguments, "--state-dir", own.path, **options)

        wrong = await cli("unlock", secrets={"--passphrase-fd": b"wrong"}, check=False)
        assert wrong.returncode == 1
        assert "wrong" not in wrong.stderr.replace("WrongPassphrase", "")
        unlocked = await cli("unlock")
        assert "unlocked" in unlocked.stdout
        assert (await client.open_vault("c1", "v1")).account == 0
        assert "locked" in (await cli("lock", secrets={})).stdout
        assert (await client.status()).locked
        await cli("unlock")
        assert (await client.open_vault("c1", "v1")).account == 0
        assert "log key" in (await cli("status", secrets={})).stdout
        await client.close()


def test_two_signers_on_one_state_are_one_too_many(signer, state):
    second = run_cli(
        "serve", "--state-dir", state.path, "--socket", state.path.parent / "second.sock",
        "--network", "ethereum-local", check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert "another process" in second.stderr


def test_its_files_and_sockets_are_for_its_owner(signer, state):
    assert state.path.stat().st_mode & 0o777 == 0o700
    assert signer.socket.stat().st_mode & 0o777 == 0o600
    assert state.control.stat().st_mode & 0o777 == 0o600


def test_nobody_reads_the_passphrase_in_its_arguments_or_environment(signer):
    for file in ("cmdline", "environ"):
        with contextlib.suppress(PermissionError):  # undumpable: not even its own user may
            content = Path(f"/proc/{signer.process.pid}/{file}").read_bytes()
            assert PASSPHRASE not in content


def test_it_cannot_be_dumped(signer):
    limits = Path(f"/proc/{signer.process.pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
    owner = Path(f"/proc/{signer.process.pid}/status").stat().st_uid
    assert owner == 0  # the kernel gives an undumpable process's files to root


# Mutual TLS


def certify(folder, name, issuer=None):
    """A key and a certificate, by itself or by `issuer`; both as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    certificate = builder.sign(issuer[0] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return key, certificate


def client_context(folder, authority, name):
    context = ssl.create_default_context(cafile=folder / f"{authority}.pem")
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def tls_arguments(folder):
    """A signer's options for TLS, with certificates for it and for its callers made in `folder`."""
    authority = certify(folder, "authority")
    certify(folder, "stranger")
    for name in ("localhost", "custody", "intruder"):
        certify(folder, name, authority)
    return (
        "--listen", "127.0.0.1:0", "--certificate", folder / "localhost.pem",
        "--private-key", folder / "localhost.key", "--callers-ca", folder / "authority.pem",
        "--allow-name", "custody",
    )  # fmt: skip


async def test_silent_connections_use_up_neither_places_nor_descriptors(tmp_path):
    """TCP connections that never begin their handshake, five times as many as there are places."""
    own, arguments = prepare_state(tmp_path), tls_arguments(tmp_path)
    with running_signer(own, *arguments) as signer, contextlib.ExitStack() as stack:
        port = int(signer.where.rsplit(":", 1)[1])
        before = signer.client()
        await before.status()
        for _ in range(5 * 64):
            silent = stack.enter_context(socket.socket())
            silent.setblocking(False)
            await asyncio.get_running_loop().sock_connect(silent, ("127.0.0.1", port))
        context = client_context(tmp_path, "authority", "custody")
        over_tls = SignerClient.over_tls("localhost", port, context, timeout_s=30)
        for client in (before, signer.client(timeout_s=30), over_tls):
            assert not (await client.status()).locked
            await client.close()
        descriptors = f"/proc/{signer.process.pid}/fd"
        if os.access(descriptors, os.R_OK):
            assert len(os.listdir(descriptors)) < 64 + 24  # noqa: PTH208 - /proc does not block


async def test_custody_reaches_a_signer_on_another_host_by_its_settings(tmp_path):
    arguments = tls_arguments(tmp_path)

    def by_settings(name, authority="authority", host="localhost"):
        return connect_signer(
            Settings(
                signer_url=f"tls://{host}:{port}",
                signer_ca_file=tmp_path / f"{authority}.pem",
                signer_certificate_file=tmp_path / f"{name}.pem",
                signer_private_key_file=tmp_path / f"{name}.key",
            )
        )

    with running_signer(prepare_state(tmp_path), *arguments) as signer:
        port = int(signer.where.rsplit(":", 1)[1])
        good = by_settings("custody")
        assert (await good.open_vault("c1", "v1")).account == 0
        await good.close()
        for bad in (
            by_settings("stranger"),  # whom nobody certified
            by_settings("custody", authority="stranger"),  # a signer of another authority
            by_settings("custody", host="127.0.0.1"),  # a certificate of another host's name
        ):
            with pytest.raises(SignerUnavailable):
                await bad.status()
            await bad.close()


async def test_mutual_tls(tmp_path):
    arguments = tls_arguments(tmp_path)
    own = prepare_state(tmp_path)

    def over_tls(port, name, authority="authority"):
        context = client_context(tmp_path, authority, name)
        return SignerClient.over_tls("localhost", port, context, timeout_s=5)

    with running_signer(own, *arguments) as signer:
        port = int(signer.where.rsplit(":", 1)[1])
        good = over_tls(port, "custody")
        assert (await good.open_vault("c1", "v1")).account == 0
        intruder = over_tls(port, "intruder")
        with pytest.raises(SignerError):  # told so, if it listens before it writes
            await intruder.status()
        assert (await good.status()).strangers == 1
        for bad in (over_tls(port, None), over_tls(port, "stranger")):
            with pytest.raises(SignerUnavailable):
                await bad.status()
        with pytest.raises(SignerUnavailable):
            await over_tls(port, "custody", "stranger").status()
        assert (await good.open_vault("c1", "v1")).account == 0
        for each in (good, intruder):
            await each.close()
