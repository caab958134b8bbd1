"""Commands out of the documents, as printed, to be run in their order in one shell.

What a test does otherwise than a reader stands in the page itself, in comments that a browser does
not show:

    <!-- way: db.example = $DATABASE -->    in a test, the one word is replaced by the other
    <!-- way: service -->                   the next block runs on in the background
    <!-- way: stop -->                      before the next block, the newest service is stopped
    <!-- way: fails -->                     the next block's last command is refused

`$NAME` is what the test gives under that name. Everything else is run as it stands.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELL = frozenset({"sh", ""})
"""Languages of blocks that may hold commands."""
_BLOCK = re.compile(r"^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_WAY = re.compile(r"^<!-- way: (?P<what>.+?) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """`line`: of the page, from 1. `ways`: what comments right before it say."""

    page: str
    line: int
    language: str
    text: str
    ways: tuple[str, ...]

    @property
    def first(self) -> str:
        return self.text.strip().partition("\n")[0]


def blocks(page: str) -> tuple[Block, ...]:
    """All fenced blocks of a page, named from the project's folder."""
    text = (ROOT / page).read_text()
    found, after = [], 0
    for match in _BLOCK.finditer(text):
        between = text[after : match.start()]
        ways = tuple(m["what"] for m in _WAY.finditer(between) if " = " not in m["what"])
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, match["language"].strip(), match["text"], ways))
        after = match.end()
    return tuple(found)


def substitutions(page: str) -> dict[str, str]:
    """What the page says is another word in a test."""
    said = (match["what"] for match in _WAY.finditer((ROOT / page).read_text()))
    return dict(what.split(" = ", 1) for what in said if " = " in what)


def filled(text: str, words: Mapping[str, str], given: Mapping[str, str]) -> str:
    """With the page's substitutions. Raises KeyError for a name that the test does not give."""
    for word, meant in words.items():
        text = text.replace(word, given[meant[1:]] if meant.startswith("$") else meant)
    return text


PROLOGUE = """
set -euo pipefail
services=()
stop() { kill "${services[-1]}" || true; wait "${services[-1]}" || true; unset 'services[-1]'; }
trap 'code=$?; while [ ${#services[@]} -gt 0 ]; do stop; done; exit $code' EXIT
trap 'echo "in $block: $BASH_COMMAND" >&2' ERR
"""


def script(page: str, given: Mapping[str, str], before: str | None = None) -> str:
    """The page as one shell script, or its part before a heading. Blocks in `sql` are handed to the
    command `as_administrator`, which the test has to define."""
    return "".join([PROLOGUE, *_steps(page, given, before)])


def _steps(page: str, given: Mapping[str, str], before: str | None) -> Iterator[str]:
    words = substitutions(page)
    end = None if before is None else (ROOT / page).read_text().splitlines().index(before)
    for block in blocks(page):
        if end is not None and block.line > end:
            return
        text = filled(block.text, words, given)
        yield f'block={shlex.quote(f"{block.page}:{block.line}")}\necho "== $block"\n'
        if "stop" in block.ways:
            yield "stop\n"
        if block.language == "sql":
            yield f"as_administrator <<'SQL'\n{text}SQL\n"
        elif block.language not in SHELL:
            continue
        elif "service" in block.ways:
            log = f"service-{block.line}.log"
            yield f"exec_{block.line}() {{\nexec {text.strip()}\n}}\n"
            yield f"(exec_{block.line}) >>{log} 2>&1 &\nservices+=($!)\n"
        elif "fails" in block.ways:
            yield f"if (\n{text}) >refused.txt 2>&1; then cat refused.txt; false; fi\n"
            yield "cat refused.txt\n"
        else:
            yield text


def run(page: str, folder: Path, given: Mapping[str, str], environment: Mapping[str, str],
        prelude: str = "", timeout_s: float = 240.0, before: str | None = None) -> str:  # fmt: skip
    """Run a page, or its part before a heading, in an empty folder; what it printed. Fails where a
    command does."""
    (folder / "page.sh").write_text(prelude + script(page, given, before))
    process = subprocess.Popen(
        ["bash", "page.sh"],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, complained = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)  # with all that it started
        said, complained = process.communicate()
    logs = "".join(f"\n-- {p.name}\n{p.read_text()[-3000:]}" for p in folder.glob("service-*.log"))
    assert process.returncode == 0, f"{said[-4000:]}\n{complained[-4000:]}{logs}"
    return said
