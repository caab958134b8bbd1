"""One plain payment of each family with its bundle, made once for each file of tests."""

import pytest

from tests.support.evidence import plain


@pytest.fixture(scope="module")
def coins(tmp_path_factory):
    return plain(tmp_path_factory.mktemp("btc") / "s", "bitcoin-regtest")


@pytest.fixture(scope="module")
def ether(tmp_path_factory):
    return plain(tmp_path_factory.mktemp("eth") / "s", "ethereum-local")


@pytest.fixture(scope="module")
def trx(tmp_path_factory):
    return plain(tmp_path_factory.mktemp("trx") / "s", "tron-local")


@pytest.fixture(scope="module")
def sol(tmp_path_factory):
    return plain(tmp_path_factory.mktemp("sol") / "s", "solana-local")
