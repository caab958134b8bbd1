"""The container images and the compose file, without a Docker engine.

What is checked: each hardening setting of the compose file; what each Dockerfile copies; and that
the commands start from exactly those files with exactly the locked packages. What is not: that the
images build. Every rule is also shown a file that breaks it.
"""

import json
import os
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from chains.networks import Environment
from tests.support.images import (
    ROOT,
    Stage,
    copied,
    image_python,
    imported_by,
    lay_out,
    link_packages,
    locked,
    parse_dockerfile,
)
from tests.support.networks import all_networks

pytestmark = pytest.mark.slow
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SIGNER_UID, CUSTODY_UID = "10001", "10002"
SECRET_NAME = re.compile(r"passw|passphrase|secret|token|private|mnemonic|seed|pin$", re.IGNORECASE)

Complaints = Iterator[str]
Service = dict[str, Any]


def source(image: str) -> str:
    return (DOCKER / f"{image}.Dockerfile").read_text()


def final_stage(image: str) -> Stage:
    return parse_dockerfile(source(image))[1][-1]


def files_of(image: str) -> dict[str, str]:
    ignore = (DOCKER / f"{image}.Dockerfile.dockerignore").read_text()
    return copied(final_stage(image), ignore)


# Rules over one service of the compose file: (name, service) -> complaints


def is_confined(name: str, service: Service) -> Complaints:
    if service.get("read_only") is not True:
        yield f"{name}: the root file system can be written"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
        yield f"{name}: keeps capabilities"
    if service.get("security_opt") != ["no-new-privileges:true"]:
        yield f"{name}: may gain privileges, or drops a default confinement"
    if service.get("privileged") or service.get("devices") or service.get("pid"):
        yield f"{name}: reaches into the host"


def has_a_plain_user(name: str, service: Service) -> Complaints:
    user, _, group = str(service.get("user", "")).partition(":")
    if not (user.isdigit() and group.isdigit() and int(user) > 0 and int(group) > 0):
        yield f"{name}: runs as root or as whoever the image says"


def dumps_nothing(name: str, service: Service) -> Complaints:
    if service.get("ulimits", {}).get("core") != 0:
        yield f"{name}: may write a core dump"


def has_limits(name: str, service: Service) -> Complaints:
    for limit in ("pids_limit", "mem_limit"):
        if not service.get(limit):
            yield f"{name}: has no {limit}"


def keeps_secrets_in_files(name: str, service: Service) -> Complaints:
    for key, value in service.get("environment", {}).items():
        if SECRET_NAME.search(key) and not key.endswith("_FILE"):
            yield f"{name}: {key} is a secret in the environment"
        if re.search(r"://[^/@]*:[^/@]*@", str(value)):
            yield f"{name}: {key} holds a password"
    if service.get("env_file"):
        yield f"{name}: an env_file ends up in the environment"
    for word in " ".join(map(str, [*service.get("command", ()), *service.get("entrypoint", ())])):
        if word == "$":
            yield f"{name}: a variable on the command line may carry a secret"


def mounts_volumes_only(name: str, service: Service) -> Complaints:
    for mount in service.get("volumes", ()):
        if not isinstance(mount, str) or mount.split(":")[0] not in COMPOSE["volumes"]:
            yield f"{name}: mounts {mount} of the host"


def writes_to_memory_only(name: str, service: Service) -> Complaints:
    for mount in service.get("tmpfs", ()):
        options = set(mount.partition(":")[2].split(","))
        if not {"noexec", "nosuid", "nodev"} <= options or not re.search(r"size=\d", mount):
            yield f"{name}: {mount.split(':')[0]} may hold programs, or fill the memory"


def is_reached_from_this_host_only(name: str, service: Service) -> Complaints:
    for port in service.get("ports", ()):
        if not str(port).startswith("127.0.0.1:"):
            yield f"{name}: {port} is open to the network without TLS"


RULES: list[Callable[[str, Service], Complaints]] = [
    is_confined,
    has_a_plain_user,
    dumps_nothing,
    has_limits,
    keeps_secrets_in_files,
    mounts_volumes_only,
    writes_to_memory_only,
    is_reached_from_this_host_only,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_service(rule: Callable[[str, Service], Complaints]):
    assert [c for name, service in COMPOSE["services"].items() for c in rule(name, service)] == []


BREACHES: list[tuple[Callable[[str, Service], Complaints], dict[str, Any]]] = [
    (is_confined, {"read_only": False}),
    (is_confined, {"cap_add": ["IPC_LOCK"]}),
    (is_confined, {"cap_drop": ["NET_RAW"]}),
    (is_confined, {"security_opt": ["no-new-privileges:true", "seccomp:unconfined"]}),
    (is_confined, {"privileged": True}),
    (is_confined, {"pid": "host"}),
    (has_a_plain_user, {"user": "0:0"}),
    (has_a_plain_user, {"user": "root"}),
    (has_a_plain_user, {"user": ""}),
    (dumps_nothing, {"ulimits": {"memlock": -1}}),
    (has_limits, {"pids_limit": None}),
    (keeps_secrets_in_files, {"environment": {"SIGNER_PASSPHRASE": "x"}}),
    (keeps_secrets_in_files, {"environment": {"URL": "postgresql://custody:x@postgres/custody"}}),
    (keeps_secrets_in_files, {"env_file": "secrets.env"}),
    (keeps_secrets_in_files, {"command": ["serve --passphrase $PASSPHRASE"]}),
    (mounts_volumes_only, {"volumes": ["/var/run/docker.sock:/var/run/docker.sock"]}),
    (writes_to_memory_only, {"tmpfs": ["/tmp"]}),
    (is_reached_from_this_host_only, {"ports": ["8000:8000"]}),
]


@pytest.mark.parametrize(("rule", "change"), BREACHES)
def test_a_rule_sees_a_breach(rule: Callable[[str, Service], Complaints], change: dict[str, Any]):
    broken = deepcopy(COMPOSE["services"]["signer"]) | change
    assert len(list(rule("signer", broken))) == 1


# The signer's service


def test_the_signer_has_no_network():
    signer = COMPOSE["services"]["signer"]
    assert signer["network_mode"] == "none"
    assert not {"networks", "ports", "expose", "links", "depends_on", "extra_hosts"} & signer.keys()


def test_the_signer_has_its_state_its_socket_and_its_passphrase_and_nothing_else():
    signer = COMPOSE["services"]["signer"]
    assert signer["volumes"] == [
        "signer-state:/var/lib/custody-signer",
        "signer-socket:/run/custody-signer",
    ]
    assert signer["secrets"] == ["signer_passphrase"]
    assert "environment" not in signer
    assert signer["user"] == f"{SIGNER_UID}:{SIGNER_UID}"


def test_the_signers_memory_can_be_locked_and_never_swapped():
    signer = COMPOSE["services"]["signer"]
    assert signer["ulimits"]["memlock"] == {"soft": -1, "hard": -1}
    assert signer["mem_limit"] == signer["memswap_limit"]


def test_nobody_else_sees_the_signers_state_or_its_passphrase():
    for name, service in COMPOSE["services"].items():
        if name != "signer":
            assert not any("signer-state" in mount for mount in service.get("volumes", ()))
            assert "signer_passphrase" not in str(service.get("secrets"))
            assert service["user"].split(":")[0] != SIGNER_UID


def test_who_may_call_the_signer_is_who_runs_the_api_and_the_worker():
    (command,) = COMPOSE["services"]["signer"]["command"]
    assert re.findall(r"--allow-uid (\d+)", command) == [CUSTODY_UID]
    for name in ("api", "worker", "migrate"):
        assert COMPOSE["services"][name]["user"] == f"{CUSTODY_UID}:{CUSTODY_UID}"


def test_the_signer_signs_for_the_main_networks():
    (command,) = COMPOSE["services"]["signer"]["command"]
    main = {n.alias for n in all_networks().values() if n.environment is Environment.MAIN}
    assert set(re.findall(r"--network (\S+)", command)) == main


def test_the_database_is_out_of_the_worlds_reach():
    assert COMPOSE["networks"]["database"] == {"internal": True}
    assert COMPOSE["services"]["postgres"]["networks"] == ["database"]
    assert "ports" not in COMPOSE["services"]["postgres"]


def test_custody_sees_the_socket_and_may_not_replace_it():
    for name in ("api", "worker"):
        service = COMPOSE["services"][name]
        assert service["volumes"] == ["signer-socket:/run/custody-signer:ro"]
        socket = service["environment"]["CUSTODY_SIGNER_SOCKET"]
        assert f"--socket {socket}" in COMPOSE["services"]["signer"]["command"][0]


def test_every_secret_is_a_file_and_is_declared():
    declared = COMPOSE["secrets"]
    assert all(set(secret) == {"file"} for secret in declared.values())
    used = {
        secret if isinstance(secret, str) else secret["source"]
        for service in COMPOSE["services"].values()
        for secret in service.get("secrets", ())
    }
    assert used == set(declared)


def test_the_settings_of_custody_exist():
    from custody.config import Settings

    for name in ("api", "worker", "migrate"):
        for key in COMPOSE["services"][name]["environment"]:
            assert key.removeprefix("CUSTODY_").lower() in Settings.model_fields, key


# The Dockerfiles


@pytest.mark.parametrize(("image", "uid"), [("signer", SIGNER_UID), ("custody", CUSTODY_UID)])
def test_the_final_stage(image: str, uid: str):
    arguments, stages = parse_dockerfile(source(image))
    packages, final = stages
    assert packages.base == final.base == "${PYTHON_IMAGE}"
    assert set(arguments) == {"PYTHON_IMAGE"}
    assert final.last("USER") == f"{uid}:{uid}"
    assert final.steps.index(("USER", f"{uid}:{uid}")) > max(
        number for number, (name, _) in enumerate(final.steps) if name in ("RUN", "COPY")
    ), "what the process may run and read is not its own to change"
    assert final.command("ENTRYPOINT") == ["custody-signer" if image == "signer" else "custody"]
    assert not [name for name in final.environment if SECRET_NAME.search(name)]
    assert not re.search(r"apt-get|curl|wget|git ", "".join(final.all("RUN")))
    assert "rm -rf /usr/local/lib/python3.*/site-packages/*" in final.all("RUN")[0]


@pytest.mark.parametrize("image", ["signer", "custody"])
def test_packages_come_from_the_lock_with_hashes_and_without_installers(image: str):
    packages = parse_dockerfile(source(image))[1][0]
    install, remove = packages.all("RUN")
    assert install == f"docker/requirements/install.sh docker/requirements/{image}.txt /opt/venv"
    assert remove.endswith("pip uninstall --quiet --yes uv setuptools pip")
    assert {"uv", "setuptools", "pip"}.isdisjoint(
        name for name, _, _ in locked(DOCKER / "requirements" / f"{image}.txt")
    )


def test_the_base_image_is_a_python_that_the_tests_run_on():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    least = re.search(r">=(3\.\d+)", declared)
    for image in ("signer", "custody"):
        base = parse_dockerfile(source(image))[0]["PYTHON_IMAGE"]
        assert least is not None
        assert base.startswith(f"python:{least[1]}-slim")


def test_the_signers_image_has_exactly_what_the_signer_imports():
    """Each name here is either missing in docker/signer.Dockerfile or has no business there."""
    inside = {source for target, source in files_of("signer").items() if "/opt/" in target}
    needed = imported_by("signer.cli", "signer.ceremonies") | {
        "chains/assets.toml",
        "chains/networks.toml",
    }
    public = {"signer/client.py"}  # the caller's side, which the folder brings along
    assert sorted(inside ^ (needed | public)) == []
    forbidden = re.compile(r"(rpc|adapter|node|follow)\.py$|devnet|custody|^api/")
    assert [name for name in inside if forbidden.search(name)] == []


PUBLIC = [
    f"signer.{name}" for name in ("client", "policy", "records", "wire", "logfile", "inforce")
]


def test_custodys_image_has_all_but_the_local_networks_and_the_signers_private_half():
    inside = {source for target, source in files_of("custody").items() if "/opt/" in target}
    for folder in ("api", "chains", "custody"):
        there = {str(p.relative_to(ROOT)) for p in (ROOT / folder).rglob("*.py")}
        wanted = {name for name in there if "devnet" not in name and "node_modules" not in name}
        assert (
            sorted(wanted ^ {n for n in inside if n.startswith(folder) and n.endswith(".py")}) == []
        )
    signer = {name for name in inside if name.startswith("signer/")}
    assert signer == {name for name in imported_by(*PUBLIC) if name.startswith("signer/")}
    assert "signer/keystore.py" not in inside


@pytest.mark.parametrize("image", ["signer", "custody"])
def test_secrets_never_reach_a_builder(image: str):
    """The context holds what the Dockerfile may copy, and nothing that lies about."""
    from tests.support.images import _context

    context = _context((DOCKER / f"{image}.Dockerfile.dockerignore").read_text())
    assert not [name for name in context if re.search(r"secrets|\.env|tests|compose", name)]


# Started from the very files


@dataclass
class Image:
    """The files of an image in a folder, with the packages of its lock and no other."""

    folder: Path
    lock: str

    @property
    def code(self) -> Path:
        return self.folder / "opt"

    @property
    def packages(self) -> Path:
        return self.folder / "venv"

    def run(self, *arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        """The image's interpreter, in an empty folder and home, which stay empty."""
        command, environment = image_python(self.code, self.packages)
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run(
                [*command, *map(str, arguments)],
                cwd=empty,
                env=environment | {"HOME": empty} | env,
                capture_output=True,
                text=True,
                check=False,
                timeout=110,
            )
            assert list(Path(empty).iterdir()) == []
        return done


def make_image(name: str, folder: Path) -> Image:
    made = Image(folder, name)
    lay_out(files_of(name), "/opt/custody/", made.code)
    link_packages(DOCKER / "requirements" / f"{name}.txt", made.packages)
    return made


@pytest.fixture(scope="module")
def signer_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return make_image("signer", tmp_path_factory.mktemp("signer-image"))


@pytest.fixture(scope="module")
def custody_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return make_image("custody", tmp_path_factory.mktemp("custody-image"))


def test_a_package_that_is_not_locked_is_not_there(signer_image: Image):
    modules = ("httpx2", "sqlalchemy", "web3", "fastapi", "custody", "api", "uv", "pip", "pytest")
    program = f"""
import importlib
for name in {modules}:
    try:
        importlib.import_module(name)
        print(name)
    except ModuleNotFoundError:
        pass
"""
    assert signer_image.run("-c", program).stdout == ""


def test_the_signers_commands_start_from_its_image(signer_image: Image, tmp_path: Path):
    for command in ("custody-keys", "custody-signer"):
        helped = signer_image.run(DOCKER / command, "--help")
        assert helped.returncode == 0, helped.stderr
    status = signer_image.run(DOCKER / "custody-signer", "status", "--state-dir", tmp_path)
    assert (status.returncode, "there is no keystore" in status.stderr) == (1, True)


def test_every_module_of_the_signers_image_can_be_imported(signer_image: Image):
    """Also those that a command loads only when it runs."""
    modules = [
        target.removeprefix("/opt/custody/").removesuffix(".py").removesuffix("/__init__")
        for target in files_of("signer")
        if target.startswith("/opt/custody/") and target.endswith(".py")
    ]
    program = "import " + ", ".join(name.replace("/", ".") for name in modules)
    done = signer_image.run("-c", program)
    assert done.returncode == 0, done.stderr


def test_the_lines_of_the_readme_and_the_compose_file_make_a_signer_that_serves(
    signer_image: Image,
):
    """The very shell lines and the health check, with the container's paths moved to a folder."""
    with tempfile.TemporaryDirectory(prefix="custody-image-") as name:
        here = Path(name)
        pinned, secret = here / "administrators.json", here / "passphrase"
        members = [
            {"id": name, "credentials": [{"kind": "ed25519", "key": f"{number:02x}" * 32}]}
            for name, number in (("a", 17), ("b", 18))
        ]
        pinned.write_text(json.dumps({"threshold": 2, "members": members}))
        secret.write_text("a passphrase for this test\n")
        _commands(here / "bin", signer_image)
        service = COMPOSE["services"]["signer"]
        moved = {
            "/var/lib/custody-signer": str(here / "state"),
            "/run/custody-signer": str(here),
            "/run/secrets/signer_passphrase": str(secret),
            "/administrators.json": str(pinned),
        }
        environment = {"PATH": f"{here / 'bin'}:{os.environ['PATH']}"}
        start = [*service["entrypoint"], _moved(service["command"][0], moved)]
        readme = (DOCKER / "README.md").read_text()
        init, backup = re.findall(r"'(exec custody-keys [^']+)'", readme)
        shell = [*service["entrypoint"]]
        told = [
            subprocess.run(
                [*shell, _moved(line, moved)], env=environment, check=True, timeout=110,
                capture_output=True, text=True,
            )
            for line in (init, backup)
        ]  # fmt: skip
        assert len(told[1].stdout.splitlines()) == 5
        health = ["/bin/sh", "-c", _moved(service["healthcheck"]["test"][1], moved)]
        assert subprocess.run(health, env=environment, check=False, timeout=110).returncode != 0
        with subprocess.Popen(start, env=environment, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert b"serving" in process.stdout.readline()
                arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
                assert b"a passphrase for this test" not in arguments
                assert b"/bin/sh" not in arguments, "the shell is gone"
                done = subprocess.run(health, env=environment, check=False, timeout=110)
                assert done.returncode == 0
            finally:
                process.terminate()
            assert process.wait(timeout=30) == 0


def _moved(line: str, places: dict[str, str]) -> str:
    for place, other in sorted(places.items(), key=lambda pair: -len(pair[0])):
        line = line.replace(place, other)
    return line


def _commands(folder: Path, image: Image) -> None:
    """`custody-keys` and `custody-signer` on the path, which are the image's."""
    command, environment = image_python(image.code, image.packages)
    folder.mkdir()
    exports = "".join(f"export {k}='{v}'\n" for k, v in environment.items() if k != "PATH")
    for name in ("custody-keys", "custody-signer"):
        script = folder / name
        line = " ".join([*command, str(DOCKER / name)])
        script.write_text(f'#!/bin/sh\n{exports}exec {line} "$@"\n')
        script.chmod(0o755)


def test_custodys_command_starts_from_its_image(custody_image: Image, tmp_path: Path):
    url = f"sqlite+aiosqlite:///{tmp_path}/custody.sqlite3"
    command = DOCKER / "custody"
    for arguments in (["migrate"], ["apikey", "list"]):
        done = custody_image.run(command, *arguments, CUSTODY_DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
    local = custody_image.run(command, "devnet", "up")
    assert (local.returncode, "not part of this installation" in local.stderr) == (1, True)


def test_the_api_and_the_workers_load_from_custodys_image(custody_image: Image):
    """The line that the Dockerfile runs as well."""
    (line,) = [run for run in final_stage("custody").all("RUN") if "import api.app" in run]
    found = re.search(r"-c '(import [^']+)'", line)
    assert found is not None
    done = custody_image.run("-c", found[1])
    assert done.returncode == 0, done.stderr
