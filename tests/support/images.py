"""Reads our Dockerfiles and lays out, without Docker, the files that an image would contain.

Only what our files use is understood; anything else stops the tests, so that nothing slips through
by not being looked at.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("api", "chains", "custody", "signer")
_KNOWN = {
    "ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "ENTRYPOINT", "CMD",
}  # fmt: skip


@dataclass
class Stage:
    """What follows one FROM: (instruction, rest of the line), in order."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]

    def last(self, instruction: str) -> str:
        found = self.all(instruction)
        return found[-1] if found else ""

    def command(self, instruction: str) -> list[str]:
        """In exec form; a shell form would put a shell between us and the signals."""
        row = json.loads(self.last(instruction))
        assert isinstance(row, list)
        return row

    @property
    def environment(self) -> Mapping[str, str]:
        pairs = (pair.partition("=") for line in self.all("ENV") for pair in line.split())
        return {name: value for name, _, value in pairs}


def parse_dockerfile(text: str) -> tuple[dict[str, str], list[Stage]]:
    """The global arguments, and the stages."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*(#|$)", line)]
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, rest = line.partition(" ")
        assert name in _KNOWN, f"this test does not know {name}"
        if name == "FROM":
            stages.append(Stage(rest.split()[0]))
        elif not stages:
            assert name == "ARG", f"{name} before FROM"
            key, _, value = rest.partition("=")
            arguments[key] = value
        else:
            stages[-1].steps.append((name, rest))
    return arguments, stages


def copied(stage: Stage, ignore: str) -> dict[str, str]:
    """Path in the image -> path in the project, of everything that the stage copies from it.
    `ignore`: the text of the .dockerignore that guards the context."""
    context = _context(ignore)
    files: dict[str, str] = {}
    for step in stage.all("COPY"):
        *sources, destination = step.split()
        if sources[0].startswith("--from="):
            continue
        assert not any(source.startswith("--") for source in sources), step
        for source in sources:
            matched = [name for name in context if _matches(name, source)]
            assert matched, f"COPY {source}: there is no such file in the context"
            for name in matched:
                assert destination.endswith("/") or len(sources) == 1, step
                folder = destination if destination.endswith("/") else ""
                files[f"{folder}{Path(name).name}" if folder else destination] = name
    return files


def imported_by(*modules: str) -> set[str]:
    """Our files that these modules import, wherever the import stands; the modules' own too."""
    found: dict[str, None] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module.partition(".")[0] not in OURS:
            continue
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            path = _file_of(parts[:end])
            if path is not None and path not in found:
                found[path] = None
                waiting += _imports(ROOT / path)
    return set(found)


def lay_out(files: Mapping[str, str], prefix: str, folder: Path) -> None:
    """Copy the files below `prefix` of the image into `folder`."""
    for target, source in files.items():
        if target.startswith(prefix):
            path = folder / target.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / source, path)


def link_packages(lock: Path, folder: Path) -> set[str]:
    """Put the locked distributions, and no other, into `folder`: links to the installed ones of
    the very versions. Returns their names; those for other systems are not installed."""
    folder.mkdir()
    linked = set()
    for name, version, marker in locked(lock):
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            assert marker, f"{name} is locked for everybody and not installed"
            continue
        assert found.version == version, f"{name}: {found.version} is installed"
        linked.add(name)
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            link = folder / top
            if not link.is_symlink():
                link.symlink_to(Path(str(found.locate_file(top))))
    return linked


def locked(lock: Path) -> Iterator[tuple[str, str, str]]:
    """Name, version and marker of each entry."""
    for line in lock.read_text().splitlines():
        found = re.match(r"([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)(?: ; ([^\\]+))?", line)
        if found is not None:
            yield found[1], found[2], (found[3] or "").strip()


def image_python(code: Path, packages: Path) -> tuple[list[str], dict[str, str]]:
    """Command and environment of an interpreter that sees only these two folders."""
    command = [sys.executable, "-S", "-s", "-P"]
    paths = os.pathsep.join(map(str, (code, packages)))
    return command, {"PATH": os.environ["PATH"], "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}


def _context(ignore: str) -> list[str]:
    """The project's files that the .dockerignore lets through; the last matching line counts."""
    rules = [line for line in ignore.splitlines() if line and not line.startswith("#")]
    names = []
    for top in ("api", "chains", "custody", "docker", "signer", "tests"):
        for path in (ROOT / top).rglob("*"):
            name = str(path.relative_to(ROOT))
            if "node_modules" not in name and path.is_file() and not _is_ignored(name, rules):
                names.append(name)
    return sorted(names)


def _is_ignored(name: str, rules: list[str]) -> bool:
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        parents = [str(parent) for parent in Path(name).parents][:-1]
        if any(_matches(each, pattern) for each in (name, *parents)):
            ignored = not rule.startswith("!")
    return ignored


def _matches(name: str, pattern: str) -> bool:
    """As Docker matches: `*` stays within a folder, `**` does not."""
    regex = re.escape(pattern).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(regex, name) is not None


def _file_of(parts: list[str]) -> str | None:
    path = Path(*parts)
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if (ROOT / candidate).is_file():
            return str(candidate)
    return None


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
