"""`custody asset add`: what a contract says becomes a row, or a complaint and no row."""

from __future__ import annotations

from pathlib import Path

import pytest

from chains.assets import TokenSaid
from chains.catalogue import built_in
from chains.model import AssetId
from custody.cli.asset import row_of, with_row
from custody.cli.output import Misuse
from custody.cli.rows import read_rows

TOKEN = AssetId("eip155:1/erc20:0x514910771AF9Ca656af840dff83E8264EcF986CA")
LINK = {
    "symbol": "LINK",
    "name": "ChainLink Token",
    "decimals": 18,
    "maximum": str(2**256 - 1),
}


def test_a_row_is_the_contracts_word_unless_people_know_better() -> None:
    said = TokenSaid("LINK", "ChainLink Token", 18)
    assert row_of(said, None, None) == LINK
    assert row_of(said, "CL", None) == LINK | {"symbol": "CL"}
    signs = TokenSaid(
        "LINK", "ChainLink Token", 18, traits=frozenset({"eip-3009"}), domain=("Link", "1")
    )
    domain = {"domain_name": "Link", "domain_version": "1"}
    assert row_of(signs, None, None) == LINK | {"traits": ["eip-3009"]} | domain
    assert row_of(TokenSaid(None, None, 18), "LINK", "ChainLink Token") == LINK


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (TokenSaid(None, "N", 6), "use --symbol"),
        (TokenSaid("S", None, 6), "use --name"),
        (TokenSaid("S", "N", None), "what a unit is"),
    ],
)
def test_what_nobody_says_is_not_guessed(said: TokenSaid, words: str) -> None:
    with pytest.raises(Misuse, match=words):
        row_of(said, None, None)


def test_rows_are_added_to_a_file_that_administrators_can_sign(tmp_path: Path) -> None:
    file = tmp_path / "rows.toml"
    other = AssetId("eip155:56/erc20:0x514910771AF9Ca656af840dff83E8264EcF986CA")
    file.write_text(with_row(file, TOKEN, LINK))
    file.write_text(with_row(file, other, LINK | {"name": 'a "quoted\\ name'}))
    catalogue = built_in().with_rows(*read_rows(file))
    assert catalogue.find_asset(TOKEN).decimals == 18
    assert catalogue.find_asset(other).name == 'a "quoted\\ name'
    assert catalogue.networks[catalogue.find_asset(TOKEN).network].is_listed(TOKEN)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decimals": 37}, "decimals: a whole number from 0 to 36"),
        ({"decimals": 78}, "decimals"),
        ({"symbol": "A" * 17}, "symbol"),
        ({"symbol": "A B"}, "symbol"),
        ({"name": "A" * 65}, "name"),
    ],
)
def test_what_no_row_may_say_is_refused_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(Misuse, match=words):
        with_row(tmp_path / "rows.toml", TOKEN, LINK | changes)
    assert list(tmp_path.iterdir()) == []
