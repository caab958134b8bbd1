"""docs/policy.md: its policy is one, and every field that the reader knows is explained with an
example that can stand in it."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest

from chains.costs import GRANTED
from chains.rows import _ASSET_MEMBERS, _NETWORK_MEMBERS, _TRAITS
from signer.agreement import Action
from signer.policy import InvalidPolicy, Policy
from signer.policy.calls import Is
from signer.policy.credentials import CredentialKind
from signer.policy.fields import WEEKDAYS
from signer.policy.rules import Order
from signer.wire import MalformedMessage, canonical_json
from tests.support.policy_page import (
    PAGE,
    ROOT,
    Table,
    at,
    example,
    objects_that_are_read,
    rules,
    tables,
)

OPTIONAL = {"contracts", "calls", "unlimited", "enforced", "gives"}
"""Fields that came later: a document from before has none of them."""


def read(row: Any) -> Policy:
    return Policy.parse(canonical_json(row))


def test_the_example_is_a_policy():
    policy = read(example())
    assert len(policy.persons["ada"].credentials) == 2
    assert policy.behind("payroll") == {"bob"}


def test_every_object_that_is_read_has_a_table_of_exactly_its_fields():
    known = set(objects_that_are_read())
    assert len(known) > 15
    assert {frozenset(table.examples) for table in tables()} == known


@pytest.mark.parametrize("table", tables(), ids=lambda table: ".".join(map(str, table.path)))
def test_the_example_of_each_field_can_stand_in_the_policy(table: Table):
    for name, value in table.examples.items():
        row = example()
        target = at(row, table.path)
        if table.refused:
            target.clear()
            target.update(table.examples)
            with pytest.raises(InvalidPolicy, match="a passkey counts for nothing yet"):
                read(row)
            continue
        assert name in target
        target[name] = value
        read(row)


@pytest.mark.parametrize("table", tables(), ids=lambda table: ".".join(map(str, table.path)))
def test_no_field_of_a_table_can_be_left_out_or_be_anything(table: Table):
    """So the table speaks about the object that its comment names."""
    for name in () if table.refused else table.examples:
        for spoiled in (None, {"nothing": "like it"}):
            if spoiled is None and name in OPTIONAL:
                continue
            row = deepcopy(example())
            target = at(row, table.path)
            if spoiled is None:
                del target[name]
            else:
                target[name] = spoiled
            with pytest.raises((InvalidPolicy, MalformedMessage)):
                read(row)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["id"]))
def test_each_rule_on_the_page_can_be_added(rule: dict[str, Any]):
    row = example()
    row["rules"].append(rule)
    assert read(row).rules[-1].id == rule["id"]


@pytest.mark.parametrize("names", [Action, GRANTED, Order, CredentialKind, WEEKDAYS, Is])
def test_the_page_names_every_word_that_a_field_may_be(names: Any):
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_rows_of_networks_and_assets_have_every_member_explained():
    page = (ROOT / "docs" / "networks.md").read_text()
    for title, members in (("A network", _NETWORK_MEMBERS), ("An asset", _ASSET_MEMBERS)):
        section = page.split(f"## {title}\n")[1].split("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("| `")]
        explained = {name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])}
        assert {*members, *_TRAITS} - explained == set(), title
