"""The built-in networks and assets, for tests that are about something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chains.assets import Asset
from chains.catalogue import built_in
from chains.codec import TransactionCodec
from chains.model import AssetId, NetworkId
from chains.networks import Network


def all_networks() -> Mapping[NetworkId, Network]:
    return built_in().networks


def find_network(name: str) -> Network:
    return built_in().find_network(name)


def all_assets() -> Mapping[AssetId, Asset]:
    return built_in().assets


def find_asset(asset: str) -> Asset:
    return built_in().find_asset(asset)


def assets_of(network: NetworkId) -> tuple[Asset, ...]:
    return built_in().assets_of(network)


def codec_of(network: NetworkId) -> TransactionCodec:
    return built_in().codec(network)


def codecs_of(aliases: Iterable[str]) -> dict[NetworkId, TransactionCodec]:
    networks = [find_network(alias) for alias in aliases]
    return {network.id: codec_of(network.id) for network in networks}
