"""Programs from Debian's archive, unpacked into a folder of ours; the system stays untouched.

apt does the work with a state, cache and source list of its own, so that no administrator's
rights are needed and the archive's signatures are checked as always. Mirror and keyring are
those this machine already uses; programs with a loader of their own come from another suite.

Runs before the virtual environment exists: standard library only.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SUITE = "unstable"
APT_FOLDER = Path("/etc/apt")
_DEBIAN_SUITE = re.compile(
    r"(oldoldstable|oldstable|stable|testing|unstable|sid"
    r"|buster|bullseye|bookworm|trixie|forky|duke)(-updates|-backports)?$"
)
# Packages of the library closure that hold no shared object a program of ours loads.
_NOT_LOADED = frozenset({"libc-gconv-modules-extra", "libc-bin", "libc-l10n"})
_LIBRARIES_WITHOUT_LIB_NAME = frozenset({"zlib1g"})


class DebianUnavailable(RuntimeError):
    """The package could not be had from Debian's archive; the message says what to do instead."""


@dataclass(frozen=True)
class Mirror:
    """One archive this machine's apt is configured for. `signed_by` is a keyring path or an inline
    key as deb822 writes it; empty means apt's default keyrings."""

    uri: str
    suites: tuple[str, ...]
    signed_by: str = ""


Stanza = Mapping[str, str]


def parse_one_line(text: str) -> list[Mirror]:
    """The `deb [options] uri suite components` format of sources.list(5)."""
    mirrors = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<rest>[^#]*)", line)
        fields = match["rest"].split() if match else []
        if not match or len(fields) < 2:
            continue
        options = dict(
            item.split("=", 1) for item in (match["options"] or "").split() if "=" in item
        )
        mirrors.append(Mirror(fields[0], (fields[1],), options.get("signed-by", "")))
    return mirrors


def parse_deb822(text: str) -> list[Mirror]:
    """The stanza format of sources.list(5): one mirror for each URI of each enabled stanza."""
    mirrors = []
    for stanza in parse_stanzas(text):
        fields = {name.lower(): value for name, value in stanza.items()}
        enabled = fields.get("enabled", "yes").lower() not in ("no", "false", "0")
        if not enabled or "deb" not in fields.get("types", "").split():
            continue
        suites = tuple(fields.get("suites", "").split())
        signed_by = fields.get("signed-by", "")
        mirrors += [Mirror(uri, suites, signed_by) for uri in fields.get("uris", "").split()]
    return mirrors


def parse_stanzas(text: str) -> Iterator[Stanza]:
    """Fields of each paragraph of a deb822 text. Continuation lines keep their line breaks."""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and name:
                fields[name] += "\n" + line
            elif ":" in line:
                name, value = line.split(":", 1)
                fields[name] = value.strip()
        if fields:
            yield fields


def debian_mirrors(configured: Iterable[Mirror]) -> list[Mirror]:
    """Those that carry Debian's own suites; security archives and third parties are left out."""
    seen: dict[str, Mirror] = {}
    for mirror in configured:
        if any(_DEBIAN_SUITE.match(suite) for suite in mirror.suites):
            seen.setdefault(mirror.uri.rstrip("/"), mirror)
    return list(seen.values())


def configured_mirrors(folder: Path = APT_FOLDER) -> list[Mirror]:
    """Every archive in this machine's apt configuration, both formats."""
    parts = folder / "sources.list.d"
    mirrors: list[Mirror] = []
    for path in [folder / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            mirrors += parse_one_line(path.read_text(encoding="utf-8"))
    for path in sorted(parts.glob("*.sources")):
        mirrors += parse_deb822(path.read_text(encoding="utf-8"))
    return mirrors


def is_library(package: str) -> bool:
    """Whether a dependency of this name brings shared objects rather than services or scripts."""
    if package in _NOT_LOADED:
        return False
    return package.startswith("lib") or package in _LIBRARIES_WITHOUT_LIB_NAME


def dependencies(stanza: Stanza) -> list[str]:
    """Names a package needs, in order; of alternatives the first, as apt prefers it."""
    declared = ",".join(stanza.get(field, "") for field in ("Pre-Depends", "Depends"))
    first_choices = (clause.split("|")[0] for clause in declared.split(","))
    names = (re.sub(r"[:\s(\[].*", "", choice.strip()) for choice in first_choices)
    return [name for name in names if name]


def _nothing(_: str) -> bool:
    return False


def is_installed(package: str) -> bool:
    """Whether this machine has it already, as its package manager knows."""
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status}\n", package]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return asked.returncode == 0 and "installed" in asked.stdout.split()


def library_closure(
    root: str,
    show: Callable[[list[str]], Iterable[Stanza]],
    present: Callable[[str], bool] = _nothing,
) -> list[str]:
    """`root` and every shared-library package it needs, directly or not, but for those `present`.

    `show` returns the archive's stanzas of the packages it is asked for. Raises
    `DebianUnavailable` for a name the archive does not have.
    """
    found: dict[str, None] = {}
    wanted = [root]
    while wanted:
        stanzas = {stanza["Package"]: stanza for stanza in show(wanted)}
        for name in wanted:
            if name not in stanzas:
                raise DebianUnavailable(f"Debian's archive has no package {name} for us")
            found[name] = None
        needed = (name for stanza in stanzas.values() for name in dependencies(stanza))
        missing = {name for name in needed if is_library(name)} - set(found)
        wanted = sorted(name for name in missing if not present(name))
    return list(found)


class IsolatedApt:
    """apt with every path of its own below `folder`, for suites of one mirror of this machine."""

    def __init__(self, folder: Path, mirror: Mirror, suites: Iterable[str]) -> None:
        self.folder = folder
        self._configuration = folder / "apt.conf"
        for name in ("state/lists/partial", "cache/archives/partial", "sources.list.d"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.list.d" / "devnet.sources").write_text(_source(mirror, suites))
        self._configuration.write_text(_configuration(folder), encoding="utf-8")

    def update(self) -> None:
        """Fetch the signed package index. Raises `DebianUnavailable` when the mirror lacks it."""
        self._run("apt-get", "--error-on=any", "update")

    def show(self, packages: list[str]) -> Iterator[Stanza]:
        """The index entries of `packages`."""
        return parse_stanzas(self._run("apt-cache", "--no-all-versions", "show", *packages))

    def unpack(self, packages: list[str], destination: Path) -> None:
        """Download, check against the signed index, and unpack without running any script."""
        archives = self.folder / "archives"
        archives.mkdir(exist_ok=True)
        self._run("apt-get", "download", *packages, directory=archives)
        for archive in sorted(archives.glob("*.deb")):
            _call(["dpkg-deb", "--extract", str(archive), str(destination)], archives)

    def _run(self, program: str, *arguments: str, directory: Path | None = None) -> str:
        command = [program, "-q", "-c", str(self._configuration), *arguments]
        return _call(command, directory or self.folder)


def _call(command: list[str], directory: Path) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        complaint = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise DebianUnavailable(f"{command[0]} failed: {' / '.join(complaint)}")
    return done.stdout


def _source(mirror: Mirror, suites: Iterable[str]) -> str:
    signed_by = f"Signed-By: {mirror.signed_by}\n" if mirror.signed_by else ""
    return (
        f"Types: deb\nURIs: {mirror.uri}\nSuites: {' '.join(suites)}\nComponents: main\n"
        f"Targets: Packages\n{signed_by}"
    )


def _configuration(folder: Path) -> str:
    # The machine's hooks act on the machine's own cache, so they are cleared. The sandbox user
    # could not read a folder below somebody's home, and nothing is installed here anyway.
    hooks = ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success")
    return "".join(f"#clear APT::Update::{hook};\n" for hook in hooks) + (
        f'Dir::State "{folder}/state";\n'
        f'Dir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}/cache";\n'
        # Container images often switch these off, and apt then parses the whole index every time.
        f'Dir::Cache::pkgcache "{folder}/cache/packages.bin";\n'
        f'Dir::Cache::srcpkgcache "{folder}/cache/sources.bin";\n'
        f'Dir::Etc::sourcelist "{folder}/none";\n'
        f'Dir::Etc::sourceparts "{folder}/sources.list.d";\n'
        f'Dir::Etc::preferences "{folder}/none";\n'
        f'Dir::Etc::preferencesparts "{folder}/none";\n'
        f'Dir::Log "{folder}";\n'
        'APT::Sandbox::User "root";\n'
        'Acquire::Languages "none";\n'
    )


def install(package: str, destination: Path, work: Path, *, beside_ours: bool = False) -> None:
    """Unpack `package` and its libraries below `destination`, which must not exist yet.

    `beside_ours`: to be loaded by programs of this machine, so it comes from the machine's own
    suite, and libraries that are installed do not come with it.

    Tries each Debian mirror of this machine in turn. Appears whole or not at all: everything is
    made below `work`, which is removed, and renamed at the end.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DebianUnavailable("this machine has no apt")
    complaints = ["no Debian mirror in apt's configuration"]
    for mirror in debian_mirrors(configured_mirrors()):
        shutil.rmtree(work, ignore_errors=True)
        try:
            apt = IsolatedApt(work / "apt", mirror, mirror.suites if beside_ours else (SUITE,))
            apt.update()
            tree = work / "tree"
            tree.mkdir()
            present = is_installed if beside_ours else _nothing
            apt.unpack(library_closure(package, apt.show, present), tree)
            destination.parent.mkdir(parents=True, exist_ok=True)
            tree.rename(destination)
        except DebianUnavailable as failure:
            complaints.append(str(failure))
        else:
            return
        finally:
            shutil.rmtree(work, ignore_errors=True)
    raise DebianUnavailable(complaints[-1])


if __name__ == "__main__":
    chosen, target = sys.argv[1], Path(sys.argv[2]).absolute()
    try:
        install(chosen, target, target.with_name(target.name + ".partial"))
    except DebianUnavailable as failure:
        sys.exit(f"setup: {chosen}: {failure}")
