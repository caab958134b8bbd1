"""The operator's commands."""

import json
from hashlib import sha256

import pytest

from signer.ceremonies.words import combine, entropy_of
from tests.support.cli import at_terminal
from tests.support.signer import (
    PASSPHRASE,
    Bench,
    administrators_json,
    policy_document,
    prepare_state,
    run_cli,
    run_keys,
    sign_policy,
    vectors,
)

WORDS = vectors("bip39")["cases"][8]["words"]


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return prepare_state(tmp_path_factory.mktemp("signer"))


def keys(command, state, *arguments, **options):
    return run_keys(*command.split(), "--state-dir", state.path, *arguments, **options)


def make(folder, command, *arguments, **secrets):
    passed = {"--passphrase-fd": PASSPHRASE, **{f"--{k}": v for k, v in secrets.items()}}
    run_keys(command, "--state-dir", folder, "--memory-mib", "19", *arguments, secrets=passed)
    return run_keys("backup", "--state-dir", folder).stdout.strip()


def test_words_out_and_in(state, tmp_path):
    words = keys("backup", state).stdout.strip()
    assert len(words.split()) == 24
    assert make(tmp_path / "other", "import", **{"words-fd": words.encode()}) == words


KEYS = "from signer.ceremonies import app; app()"


def test_a_passphrase_is_typed_twice_and_never_shown(tmp_path):
    state = tmp_path / "state"
    init = ["init", "--state-dir", str(state), "--memory-mib", "19"]
    typed = PASSPHRASE.decode()
    code, seen = at_terminal(init, [typed, typed + "?"], KEYS)
    assert code == 1 and "not the same" in seen and not (state / "keystore.json").exists()
    code, seen = at_terminal(init, [typed, typed], KEYS)
    assert code == 0 and "New passphrase: " in seen and "New passphrase again: " in seen
    assert "horse" not in seen
    backup = ["backup", "--state-dir", str(state)]
    assert at_terminal(backup, ["wrong passphrase"], KEYS)[0] == 1
    code, seen = at_terminal(backup, [typed], KEYS)
    assert code == 0 and len(seen.split()) > 24 and "horse" not in seen


def test_known_words_in(tmp_path):
    assert make(tmp_path / "other", "import", **{"words-fd": WORDS.upper().encode()}) == WORDS


def test_shares_out_and_in(state, tmp_path):
    shares = keys("backup", state, "--shares", "3", "--threshold", "2").stdout.splitlines()
    words = keys("backup", state).stdout.strip()
    assert len(shares) == 3
    assert combine(shares[1:]) == entropy_of(words)
    given = "\n".join(shares[:2]).encode()
    assert make(tmp_path / "other", "restore", **{"words-fd": given}) == words


def test_each_init_makes_another_seed(tmp_path):
    made = {make(tmp_path / name, "init", "--word-count", "12") for name in "ab"}
    assert len(made) == 2
    assert {len(words.split()) for words in made} == {12}


def test_another_passphrase(tmp_path):
    state = prepare_state(tmp_path)
    words = keys("backup", state).stdout
    new = b"entirely different words here"
    keys(
        "rotate-passphrase",
        state,
        secrets={"--passphrase-fd": PASSPHRASE, "--new-passphrase-fd": new},
    )
    assert keys("backup", state, check=False).returncode == 1
    assert keys("backup", state, secrets={"--passphrase-fd": new}).stdout == words
    short = {"--passphrase-fd": new, "--new-passphrase-fd": b"short"}
    refused = keys("rotate-passphrase", state, secrets=short, check=False)
    assert "12 characters" in refused.stderr
    assert keys("backup", state, secrets={"--passphrase-fd": new}).stdout == words


@pytest.mark.parametrize(
    ("command", "secrets", "complaint"),
    [
        ("init", {"--passphrase-fd": PASSPHRASE}, "there is a keystore"),
        ("import", {"--passphrase-fd": PASSPHRASE, "--words-fd": b"one two"}, "not BIP-39"),
        ("restore", {"--passphrase-fd": PASSPHRASE, "--words-fd": b"one two"}, "SLIP-39"),
        ("backup", {"--passphrase-fd": b"not the passphrase"}, "does not open"),
        ("backup", {"--passphrase-fd": b""}, "no passphrase"),
        ("recover", {"--passphrase-fd": PASSPHRASE}, "--log, --sequence"),
        ("recover --sequence 5", {"--passphrase-fd": PASSPHRASE}, "--policy-version"),
        ("recover --log x --policy y", {"--passphrase-fd": PASSPHRASE}, "--policy goes with"),
    ],
)
def test_mistakes_get_one_line_and_change_nothing(state, command, secrets, complaint):
    before = state.keystore.read_bytes()
    done = keys(command, state, secrets=secrets, check=False)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    for secret in secrets.values():
        assert not secret or secret.decode() not in done.stderr
    assert state.keystore.read_bytes() == before


def test_a_signer_that_does_not_run_is_not_unlocked(state):
    done = run_cli("unlock", "--state-dir", state.path, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "custody-signer: No such file" in done.stderr


def test_administrators_are_pinned_once(tmp_path):
    folder = tmp_path / "state"
    make(folder, "init")
    file = tmp_path / "administrators.json"
    file.write_text(json.dumps({**administrators_json(), "threshold": 9}))
    pin = ("pin", "administrators", file, "--state-dir", folder)
    assert "threshold" in run_keys(*pin, check=False).stderr
    file.write_text(json.dumps(administrators_json()))
    run_keys(*pin)
    assert "pinned already" in run_keys(*pin, check=False).stderr


def test_a_passphrase_is_no_argument_and_no_environment_variable(state, monkeypatch):
    monkeypatch.setenv("PASSPHRASE", PASSPHRASE.decode())
    help_text = run_cli("serve", "--help", secrets={}).stdout
    assert "--passphrase-fd" in help_text
    assert "--passphrase " not in help_text
    assert "env var" not in help_text


def test_status_without_a_running_signer(state):
    assert "not running" in run_cli("status", "--state-dir", state.path, secrets={}).stdout


def test_the_log_is_verified_by_key_or_by_keystore(tmp_path):
    bench = Bench(tmp_path / "bench")
    bench.send(bench.mandate())
    key = bench.session.status(()).log_key.hex()
    verify = ("log", "verify", "--file", bench.state.log)
    good = run_keys(*verify, "--log-key", key, secrets={})
    assert "sound up to record 4" in good.stdout
    wrong = run_keys(*verify, "--log-key", "11" * 32, secrets={}, check=False)
    assert wrong.returncode == 1
    other = prepare_state(tmp_path)
    foreign = run_keys(*verify, "--state-dir", other.path, check=False)
    assert "seal" in foreign.stderr
    text = bench.state.log.read_text()
    bench.state.log.write_text(text.replace('"amount"', '"amounts"').replace('"t1"', '"t2"'))
    changed = run_keys(*verify, "--log-key", key, secrets={}, check=False)
    assert "was changed" in changed.stderr


def test_one_record_is_proven_by_command_and_shows_no_other(tmp_path):
    bench = Bench(tmp_path / "bench")
    for number in range(3):
        bench.send(bench.mandate(transfer=f"transfer-{number}", amount=1), nonce=number)
    key = bench.session.status(()).log_key.hex()
    log = ("--file", bench.state.log, "--log-key", key)
    proof = tmp_path / "record.tlog-proof"
    proof.write_text(run_keys("log", "prove", "5", *log, secrets={}).stdout)
    bench.state.log.unlink()
    shown = run_keys("log", "check", proof, "--log-key", key, secrets={}).stdout
    assert "leaf 4 of 6" in shown and '"transfer-1"' in shown
    assert "transfer-0" not in shown and "transfer-2" not in shown
    for wrong in (proof.read_text().replace("index 4", "index 3"), "", "nothing"):
        proof.write_text(wrong)
        refused = run_keys("log", "check", proof, "--log-key", key, secrets={}, check=False)
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)


def test_recovering_by_command(tmp_path):
    """A lost journal, first from a copy of the log, then without one."""
    state = prepare_state(tmp_path)
    vaults = tmp_path / "vaults.jsonl"
    vaults.write_text('{"client":"c1","vault":"v1","account":0}\n')
    skip = ("--sequence", "40", "--policy-version", "3", "--vaults", vaults)
    recovered = keys("recover", state, *skip).stdout
    assert "ends with record 42" in recovered
    assert "no policy is in force" in recovered
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(state.log.read_bytes())
    for file in state.path.glob("journal.sqlite*"):
        file.unlink()
    assert "ends with record 42" in keys("recover", state, "--log", copy).stdout
    assert "sound up to record 42" in keys("log verify", state).stdout


def test_pinning_anew_after_a_recovery_without_the_last_policy(tmp_path):
    state = prepare_state(tmp_path)
    file, vaults = tmp_path / "administrators.json", tmp_path / "vaults.jsonl"
    file.write_text(json.dumps(administrators_json()))
    vaults.touch()
    pin = ("pin", "administrators", file, "--state-dir", state.path)
    assert "pinned" in run_keys(*pin, check=False).stderr
    keys("recover", state, "--sequence", "40", "--policy-version", "3", "--vaults", vaults)
    assert "pinned: admin-1 admin-2 admin-3" in run_keys(*pin).stdout
    assert "publish a policy" in run_keys(*pin, check=False).stderr
    assert "sound up to record 42" in keys("log verify", state).stdout


def test_recovering_with_the_last_policy(tmp_path):
    state = prepare_state(tmp_path)
    vaults, document = tmp_path / "vaults.jsonl", policy_document(version=3)
    vaults.touch()
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(sign_policy(document).to_json()))
    skip = ("--sequence", "40", "--vaults", vaults, "--policy", policy)
    wrong = keys("recover", state, *skip, "--policy-version", "4", check=False)
    assert "newest of these policies is version 3" in wrong.stderr
    said = keys("recover", state, *skip, "--policy-version", "3").stdout
    assert f"version 3 is in force, digest {sha256(document).hexdigest()}" in said
    policy.write_text("{}")
    wrong = keys("recover", state, *skip, "--policy-version", "3", check=False)
    assert "not a signed policy" in wrong.stderr
