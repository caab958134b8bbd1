"""An operator's networks in a draft: put in by a command, and said in words before a signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.cli import allow, done, policy, refused, write_json
from tests.support.rows import coin_row, evm_row, token_row

FILE = """
[networks.lagoon]
id = "eip155:31339"
name = "Lagoon"
family = "evm"
environment = "main"
finality = { node = true, confirmations = 20 }
follow_depth = 50
block_ms = 250
costs_max = { fee = "5000000000000000" }
address_types = ["evm"]
native = "slip44:60"
parameters = { chain_id = 31339, coin_type = 60, transaction_type = "eip1559" }

[assets."eip155:31339/slip44:60"]
kind = "native"
symbol = "LGN"
name = "Lagoon's coin"
decimals = 18
maximum = "1000000000000000000000000000"
"""
ADMIN = {"id": "ann", "credentials": [{"kind": "ed25519", "key": "11" * 32}]}


def draft(folder: Path, name: str = "draft.json", **rows: Any) -> Path:
    row = policy(allow("small"), administrators=[ADMIN], **rows)
    return write_json(folder / name, row)


def test_the_rows_of_a_file_are_put_into_a_draft(tmp_path: Path):
    (tmp_path / "rows.toml").write_text(FILE)
    old, out = draft(tmp_path), tmp_path / "next.json"
    done("policy", "networks", old, "--file", tmp_path / "rows.toml", "--out", out)
    row = json.loads(out.read_text())
    assert [each["alias"] for each in row["networks"]] == ["lagoon"]
    said = done("policy", "validate", out)
    assert "NEW network     lagoon (eip155:31339): named Lagoon; of family evm;" in said
    assert "final by the node's word or 20 blocks" in said
    assert "costs at most 0.005 LGN as fee" in said
    assert "NEW asset       LGN (eip155:31339/slip44:60): Lagoon's coin, native, 18 dec" in said
    told = refused(2, "policy", "networks", old, "--file", tmp_path / "rows.toml", "--out", out)
    assert "exists" in told.lower()


def test_a_wrong_row_is_named_and_nothing_is_written(tmp_path: Path):
    (tmp_path / "rows.toml").write_text(FILE.replace("18", "37"))
    out = tmp_path / "next.json"
    arguments = ("--file", tmp_path / "rows.toml", "--out", out)
    told = refused(2, "policy", "networks", draft(tmp_path), *arguments)
    assert "network_invalid: eip155:31339/slip44:60: decimals: a whole number from 0 to 36" in told
    assert not out.exists()


def test_what_changes_is_said_in_words(tmp_path: Path):
    before = draft(tmp_path, networks=[evm_row()], assets=[coin_row()])
    changed = evm_row(
        name="Reef", finality={"confirmations": 2}, costs_max={"fee": "6000000000000000"}
    )
    after = draft(tmp_path, "b.json", networks=[changed], assets=[coin_row(), token_row()])
    said = done("policy", "diff", after, "--policy", before).splitlines()
    assert "network         lagoon: named Lagoon (local) becomes Reef" in said
    assert "network         lagoon: final by 3 blocks becomes 2 blocks, which is LESS" in said
    lines = [line for line in said if "costs at most" in line]
    assert lines == [
        "network         lagoon: costs at most 0.005 LGN as fee becomes 0.006 LGN as fee"
    ]
    assert any(line.startswith("NEW asset       USDX") for line in said)
    assert not any(line.startswith("REFUSED") for line in said)


def test_what_holders_of_a_token_sign_for_is_said_in_words(tmp_path: Path):
    """A trait decides what is signed, so an administrator reads it."""
    rows = [coin_row(), token_row()]
    before = draft(tmp_path, networks=[evm_row()], assets=rows)
    signs = token_row(traits=["eip-3009"], domain_name="A dollar", domain_version="2")
    after = draft(tmp_path, "b.json", networks=[evm_row()], assets=[coin_row(), signs])
    (line,) = done("policy", "diff", after, "--policy", before).splitlines()[-1:]
    assert "traits none becomes USDX" in line
    assert line.endswith("traits eip-3009, signed for as A dollar version 2")


def test_what_the_signer_would_refuse_is_said_before_it_is_signed(tmp_path: Path):
    before = draft(tmp_path, networks=[evm_row()], assets=[coin_row()])
    after = draft(tmp_path, "b.json", networks=[evm_row()], assets=[coin_row(decimals=6)])
    (refusal,) = [
        line
        for line in done("policy", "diff", after, "--policy", before).splitlines()
        if line.startswith("REFUSED")
    ]
    assert "network_fixed: eip155:31339/slip44:60: decimals: has been 18" in refusal
    gone = draft(tmp_path, "c.json")
    said = done("policy", "diff", gone, "--policy", before)
    assert "GONE network    lagoon (eip155:31339)" in said
    assert "can't be left out" in said


def test_a_policy_is_shown_and_written_as_a_draft(tmp_path: Path):
    before = draft(tmp_path, networks=[evm_row()], assets=[coin_row()])
    out = tmp_path / "copy.json"
    assert "lagoon (eip155:31339)" in done("policy", "show", "--policy", before, "--out", out)
    assert json.loads(out.read_text()) == json.loads(before.read_text())
