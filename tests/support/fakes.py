"""The fakes of tests that are not about a chain or the signer, under one name.

node = FakeNode(network, seed)      # the chain, with a devnet node's verbs
adapter = FakeAdapter(node)         # what custody gets to see
signer = FakeSigner(seed)           # the signer's client
"""

from __future__ import annotations

from tests.support.fake_adapter import FakeAdapter
from tests.support.fake_chain import FakeNode
from tests.support.fake_codec import FakeCodec
from tests.support.fake_signer import FakeSigner, allow_everything, changed_policy

__all__ = [
    "FakeAdapter",
    "FakeCodec",
    "FakeNode",
    "FakeSigner",
    "allow_everything",
    "changed_policy",
]
