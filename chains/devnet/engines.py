"""Where the real engines of the local networks are, and how they get there.

`python -m chains.devnet.engines` prepares them (part of `make setup`); afterwards `bitcoind()` and
`anvil()` answer without asking any network. Runs before the virtual environment exists, so it
knows the standard library only.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from chains.devnet import debian

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "engines"
BITCOIN_PACKAGE = "bitcoin-knots"
NODE_MODULES = Path(__file__).resolve().parent / "node_modules"

# Run a program of the unpacked tree by that tree's own loader and libraries, wherever it lies.
_WRAPPER = """\
#!/bin/sh
tree=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
exec "$tree/{loader}" --library-path "{library_path}" "$tree/{program}" "$@"
"""


class EngineMissing(RuntimeError):
    """An engine is not on this machine; the message tells the operator how to get it."""


def bitcoind() -> Path:
    """A runnable bitcoind: the one on PATH, else the one `prepare_bitcoind` unpacked."""
    on_path = shutil.which("bitcoind")
    if on_path:
        return Path(on_path)
    cached = _bitcoin_folder() / "run" / "bitcoind"
    if not cached.is_file():
        raise EngineMissing("bitcoind is not prepared: run `make setup`, or put it on PATH")
    return cached


def anvil() -> Path:
    """A runnable anvil: the pinned npm package's, else the one on PATH."""
    packaged = NODE_MODULES / "@foundry-rs" / f"anvil-{_npm_platform()}" / "bin" / "anvil"
    if packaged.is_file():
        return packaged
    on_path = shutil.which("anvil")
    if on_path is None:
        raise EngineMissing(
            f"no npm package of anvil for {_npm_platform()} is pinned here:"
            " install Foundry, so that anvil is on PATH"
        )
    return Path(on_path)


def prepare_bitcoind() -> Path:
    """Make sure that `bitcoind()` answers; downloads at most once for a checkout."""
    try:
        return bitcoind()
    except EngineMissing:
        _say(f"bitcoind is not on PATH; taking Debian's {BITCOIN_PACKAGE} (about 20 MB)")
    folder = _bitcoin_folder()
    unique = f"{folder.name}.{os.getpid()}"
    staging = CACHE / f"{unique}.ready"
    try:
        debian.install(BITCOIN_PACKAGE, staging, CACHE / f"{unique}.partial")
        for program in ("bitcoind", "bitcoin-cli"):
            write_wrapper(staging, program)
        check_libraries(staging, "bitcoind")
        _move_into_place(staging, folder)
    except debian.DebianUnavailable as failure:
        raise EngineMissing(f"{failure}. Install bitcoind so that it is on PATH.") from failure
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return bitcoind()


def write_wrapper(tree: Path, program: str) -> Path:
    """Write `tree/run/<program>`, which works from any place the tree is moved to."""
    wrapper = tree / "run" / program
    wrapper.parent.mkdir(exist_ok=True)
    wrapper.write_text(
        _WRAPPER.format(
            loader=find_loader(tree).relative_to(tree),
            library_path=":".join(f"$tree/{folder}" for folder in library_folders(tree)),
            program=f"usr/bin/{program}",
        ),
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    return wrapper


def find_loader(tree: Path) -> Path:
    """The dynamic loader of the tree's own libc; links to absolute paths are not followed out."""
    for candidate in sorted(tree.glob("**/ld-linux*.so.*")):
        if candidate.is_file() and not candidate.is_symlink():
            return candidate
    raise EngineMissing("the unpacked libc6 has no loader")


def library_folders(tree: Path) -> list[Path]:
    """Folders with shared objects, relative to the tree."""
    shared_object = re.compile(r"lib[^/]*\.so(\.\d+)*$")
    return sorted(
        {
            path.parent.relative_to(tree)
            for path in tree.glob("usr/lib*/**/lib*.so*")
            if path.is_file() and shared_object.search(path.name)
        }
    )


def check_libraries(tree: Path, program: str) -> None:
    """Raise unless every shared object that the program loads comes from the tree."""
    folders = ":".join(str(tree / folder) for folder in library_folders(tree))
    loader, executable = str(find_loader(tree)), str(tree / "usr/bin" / program)
    command = [loader, "--library-path", folders, "--list", executable]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    strangers = strange_libraries(listed.stdout, tree)
    if listed.returncode != 0 or strangers:
        raise EngineMissing(f"{program} lacks libraries: {strangers or listed.stderr.strip()}")


def strange_libraries(listing: str, tree: Path) -> list[str]:
    """Names in a loader's listing that are missing or lie outside the tree."""
    wanted = re.findall(r"^\s*(\S+) => (not found|\S+)", listing, re.MULTILINE)
    return [name for name, path in wanted if not path.startswith(f"{tree}/")]


def _move_into_place(staging: Path, folder: Path) -> None:
    try:
        staging.rename(folder)
    except OSError:
        # Another preparation finished first; its tree is as good as ours.
        if not (folder / "run" / "bitcoind").is_file():
            raise


def _bitcoin_folder() -> Path:
    return CACHE / f"{BITCOIN_PACKAGE}-{platform.machine()}"


def _npm_platform() -> str:
    machines = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{machines.get(machine, machine)}"


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def main() -> None:
    """Prepare every engine and say where it is."""
    try:
        for engine in (prepare_bitcoind(), anvil()):
            _say(f"{engine.name} is {_readable(engine)}")
    except EngineMissing as failure:
        sys.exit(f"setup: {failure}")


def _readable(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    main()
