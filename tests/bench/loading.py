"""What the signer's process loads: each module and package is code that could reach the keys."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.scale import Scale
from tests.bench.table import Figure, Row
from tests.support.signer_size import DECIDES, REMEMBERS_AND_SIGNS, code_lines

SECTION = "Loaded in the process"

_ROOT = Path(__file__).resolve().parents[2]
_SIGNER = ("signer.cli",)
_CUSTODY = ("custody.services", "api.app")
_PROGRAM = """
import sys, time
empty, start = set(sys.modules), time.perf_counter()
import {modules}
seconds, loaded = time.perf_counter() - start, set(sys.modules) - empty
import json
from importlib.metadata import packages_distributions
of = packages_distributions()
tops = {{name.partition(".")[0] for name in loaded}}
third_party = {{d for top in tops - set(sys.stdlib_module_names) for d in of.get(top, ())}}
print(json.dumps([len(loaded), sorted(third_party - {{"custody-wallet"}}), seconds]))
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`modules`: beyond those of an empty interpreter. `packages`: third-party distributions.
    `seconds`: for importing them."""

    modules: int
    packages: tuple[str, ...]
    seconds: float


def measure(scale: Scale) -> list[Row]:
    """All rows of the section."""
    times = [load(_SIGNER) for _ in range(scale.loads)]
    ours, theirs = times[0], load(_CUSTODY)
    other = "custody and API"
    return [
        Row(
            SECTION,
            "modules in the signer",
            "",
            Figure("signer", ours.modules),
            peers=(Figure(other, theirs.modules),),
            small=True,
        ),
        Row(
            SECTION,
            "third-party packages in the signer",
            "",
            Figure("signer", len(ours.packages)),
            peers=(Figure(other, len(theirs.packages)),),
            small=True,
            note=", ".join(ours.packages),
        ),
        *(
            Row(
                SECTION,
                f"code lines of {what}",
                "",
                Figure("signer", code_lines(files)),
                small=True,
            )
            for what, files in (
                ("what decides in the signer", DECIDES),
                ("what decides, remembers and signs", (*DECIDES, *REMEMBERS_AND_SIGNS)),
            )
        ),
        Row(
            SECTION,
            "time to load",
            "s",
            Figure("signer", median(each.seconds for each in times)),
            peers=(Figure(other, theirs.seconds),),
            small=True,
        ),
    ]


def load(modules: Sequence[str]) -> Loaded:
    """In a fresh process."""
    program = _PROGRAM.format(modules=", ".join(modules))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    count, packages, seconds = json.loads(done.stdout)
    return Loaded(count, tuple(packages), seconds)
