"""What docs/adding-a-chain.md tells people to write, done to a program that runs.

Each step stands for one place. The page names the same places, and a test compares them. What is
missing here is the rows: they are data, and stand in the signed policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from chains import families
from custody import bootstrap
from signer import codecs
from tests.support.toy import FAMILY
from tests.support.toy.adapter import ToyAdapter
from tests.support.toy.codec import ToyCodec


def list_codec(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(families.CODECS, FAMILY, ToyCodec)


def list_adapter(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(bootstrap.ADAPTERS, FAMILY, ToyAdapter)


def allow_signing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(codecs, "SIGNED_FOR", codecs.SIGNED_FOR | {FAMILY})


STEPS: Final[Mapping[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "chains/families.py": list_codec,
    "custody/bootstrap.py": list_adapter,
    "signer/codecs.py": allow_signing,
}
"""By the file that the page names."""
