"""The half that asks a node. A node is a fake one of this process, found by its address."""

from __future__ import annotations

from typing import Final

from chains.networks import Network
from chains.transport.endpoint import Endpoint
from tests.support.fake_adapter import FakeAdapter
from tests.support.fake_chain import FakeNode

NODES: Final[dict[str, FakeNode]] = {}


class ToyAdapter(FakeAdapter):
    def __init__(self, network: Network, endpoint: Endpoint, *, timeout_s: float) -> None:
        super().__init__(NODES[endpoint.url.get_secret_value()], network, timeout_s=timeout_s)
