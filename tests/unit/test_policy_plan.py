"""A plan in an operator's words: the one in docs/policy.md means what it says, each kind of mistake
is refused with its code and writes nothing, and the next version keeps what has to stay."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chains.model import Address, AssetId, NetworkId
from custody.cli import policy_plan
from custody.cli.documents import read_document
from signer.policy import Policy
from signer.policy.payees import Payee
from tests.support.cli import done, refused, run
from tests.support.policy_page import PAGE, ROOT
from tests.support.signer import Person

PEOPLE = ("ann", "ben", "cy", "dora", "adm-1", "adm-2", "adm-3")
PAYEE = "0x52908400098527886E0F7030069857D2E4169EE7"
OTHER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
(BANK,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
ETHER = 10**18


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The public lines that the page's plan names, and the plan."""
    for name in PEOPLE:
        key = {"kind": "ed25519", "key": Person(name).public_key.hex()}
        (tmp_path / f"{name}.json").write_text(json.dumps({"id": name, "credentials": [key]}))
    (tmp_path / "bank.toml").write_text(BANK)
    return tmp_path


def made(folder: Path, plan: str = BANK, *more: str | Path) -> Policy:
    (folder / "plan.toml").write_text(plan)
    out = folder / f"draft-{len(list(folder.glob('draft-*')))}.json"
    done("policy", "new", "--from", folder / "plan.toml", "--out", out, *more)
    return read_document(out)[1]


def test_the_plan_on_the_page_is_the_policy_that_it_says(folder: Path):
    policy = made(folder)
    assert policy.administrators.threshold == 2 and len(policy.administrators.members) == 3
    assert policy.groups == {"treasury": {"ann", "ben", "dora"}, "risk": {"cy", "ben"}}
    assert policy.behind("payroll") == {"dora"}
    suppliers = policy.destinations["suppliers"]
    assert suppliers.cooling_s == 86_400 and len(suppliers.entries) == 2
    ceiling, small, large = policy.rules
    assert ceiling.grant is None
    assert small.scope.initiators == frozenset(
        {"payroll"}
    ) and small.scope.destinations == frozenset({"suppliers"})
    windows = {(w.asset, w.per_destination): (w.amount, w.count) for w in small.limits.windows}
    ether = AssetId("eip155:1/slip44:60")
    assert windows[ether, False] == (10 * ETHER, 20)
    assert windows[ether, True] == (3 * ETHER, None)
    assert small.limits.hours is not None and small.limits.hours.days == {0, 1, 2, 3, 4}
    assert large.scope.assets is None and large.grant is not None
    assert [(n.count, n.group) for n in large.grant.needs] == [(2, "treasury"), (1, "risk")]
    assert large.grant.order == "sequence" and large.grant.time_lock_s == 600


def test_the_page_explains_every_field_of_a_plan():
    tables = re.findall(r"\| field of a (plan|rule) .*\n\|[-|]+\n((?:\|.*\n)+)", PAGE)
    named = {
        what: set(re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in rows.splitlines())))
        for what, rows in tables
    }
    rule = {*policy_plan.SCOPE_FIELDS, *policy_plan.LIMIT_FIELDS, *policy_plan.GRANT_FIELDS}
    assert named == {"plan": set(policy_plan.FIELDS), "rule": rule}
    for each in (*policy_plan.ADMINISTRATOR_FIELDS, *policy_plan.LIST_FIELDS):
        assert f"`{each}`" in PAGE


MISTAKES = [
    ("plan_field", "sign = 2", "sing = 2", "sing is not known"),
    ("plan_field", 'cooling = "24 hours"', "", "destinations.suppliers: cooling is missing"),
    ("plan_field", "sign = 2", "sign = ", "bank.toml"),
    ("plan_sentence", '"24 hours"', '"24 moons"', "not 24 moons"),
    ("plan_sentence", '"24 hours"', '"400 days"', "longer than 366 days"),
    ("plan_sentence", "in 1 day to one", "a day to one", "a window is like"),
    ("plan_sentence", '"2 of treasury"', '"two of treasury"', "an approval is like"),
    ("plan_sentence", '"1 ETH on', '"1.0000000000000000001 ETH on', "at most 18 decimal places"),
    ("plan_sentence", f"{PAYEE} on bsc", "0x529 on bsc", "0x529"),
    ("plan_sentence", "mon-fri", "fri-mon", "a week begins on monday"),
    ("plan_sentence", '"cy.json"', '"nobody.json"', "nobody.json: No such file"),
    ("plan_sentence", "0.05 ETH as fee", "0.05 BNB as fee", "takes costs in ETH"),
    ("plan_unknown_name", "on bsc, added", "on atlantis, added", "no network is called atlantis"),
    ("plan_unknown_name", '"2 BNB on bsc"', '"2 PEPE on bsc"', "there is no PEPE on bsc"),
    ("plan_contradiction", '"10 ETH on', '"0.5 ETH on', "at most 1 ETH in one transfer, but"),
    ("plan_contradiction", '"3 ETH on', '"30 ETH on', "but 10 ETH out of the vault"),
    ("plan_contradiction", '"20 transfers of ETH', '"11 ETH', "bounded twice"),
    ("plan_contradiction", "deny = true", "deny = true\nwait = '1 hour'", "has no terms"),
    ("plan_contradiction", ', "2 BNB on bsc"', "", "of a network that it does not speak about"),
    ("plan_contradiction", 'asked_by = ["payroll"]',
     'asked_by = ["payroll"]\napprovals = ["3 of treasury"]', "only 2 of them may approve it"),
    ("plan_no_policy", "sign = 2", "sign = 4", "more than there are administrators"),
    ("plan_no_policy", '"2 of treasury"', '"4 of treasury"', "needs more of treasury"),
    ("plan_no_policy", 'to = ["suppliers"]', 'to = ["friends"]', "unknown destination group"),
    ("plan_no_policy", '"20 BNB on bsc in 1 day",', "", "none with an amount of eip155:56"),
    ("plan_no_policy", "Europe/Zurich", "Europe/Atlantis", "unknown time zone"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "right", "wrong", "words"), MISTAKES)
def test_a_mistake_has_its_code_and_writes_nothing(
    folder: Path, code: str, right: str, wrong: str, words: str
):
    assert right in BANK
    (folder / "bank.toml").write_text(BANK.replace(right, wrong, 1))
    out = folder / "draft.json"
    said = refused(2, "policy", "new", "--from", folder / "bank.toml", "--out", out)
    assert words in said and f"({code})" in said
    assert not out.exists()


def test_a_list_that_no_rule_names_is_noticed(folder: Path):
    plan = folder / "bank.toml"
    plan.write_text(BANK.replace('to = ["suppliers"]\n', ""))
    result = run("policy", "new", "--from", plan, "--out", folder / "draft.json")
    assert result.exit_code == 0
    assert "no rule names the list suppliers" in result.stderr


def test_any_asset_of_the_operators_file_can_be_named(folder: Path):
    rows: dict[str, object] = {
        "id": "eip155:137/erc20:0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
        "kind": "erc20", "symbol": "USDC", "name": "USD Coin", "decimals": 6,
        "maximum": "1000000000000000000",
    }  # fmt: skip
    text = (ROOT / "docs/examples/networks-l2.toml").read_text()
    name = str(rows.pop("id"))
    text += f'\n[assets."{name}"]\n'
    text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in rows.items())
    (folder / "networks.toml").write_text(text)
    rule = """
[[rules]]
name = "dollars on polygon"
most = ["25000.5 USDC on polygon"]
windows = ["100000 USDC on polygon in 7 days", "5 POL on polygon in 7 days"]
approvals = ["1 of risk"]
"""
    policy = made(folder, 'networks = "networks.toml"\n' + BANK + rule)
    last = policy.rules[-1]
    assert last.scope.networks == frozenset({"eip155:137"}) and last.scope.assets == frozenset(
        {name}
    )
    assert [limit.amount for limit in last.limits.per_transfer] == [25_000_500_000]
    assert NetworkId("eip155:137") in policy.catalogue.networks
    after = made(folder, BANK + rule, "--current", folder / "draft-0.json")
    assert NetworkId("eip155:137") in after.catalogue.networks, "rows stay for good"


def test_a_rule_for_calls_is_a_sentence_and_bounds_their_fees(folder: Path):
    """Nobody can tell what a call moves, so it is of any asset, to contracts that are named."""
    rule = """
[[rules]]
name = "submits what others signed"
actions = ["call"]
assets = "any"
networks = ["ethereum"]
to = ["suppliers"]
windows = ["0.1 ETH on ethereum in 1 day"]
"""
    last = made(folder, BANK + rule).rules[-1]
    assert (last.scope.actions, last.scope.assets) == (frozenset({"call"}), None)
    assert [limit.amount for limit in last.limits.windows] == [10**17]
    said = run("policy", "show", "--policy", folder / "draft-0.json")
    assert said.exit_code == 0, said.stderr
    assert "call, of any asset on ethereum" in said.stdout
    named = BANK + rule.replace('assets = "any"', 'assets = ["ETH on ethereum"]')
    scoped = made(folder, named).rules[-1]
    assert scoped.scope.assets is not None, "and then no call is covered by it"


def test_the_next_version_cools_only_what_is_new(folder: Path):
    before = made(folder)
    document = json.dumps(_dated(folder / "draft-0.json"))
    (folder / "current.json").write_text(document)
    more = BANK.replace("entries = [", f'entries = [\n    "{OTHER} on ethereum",')
    after = made(folder, more, "--current", folder / "current.json")
    assert (before.version, after.version) == (1, 2)
    entries = after.destinations["suppliers"].entries
    network = NetworkId("eip155:1")
    assert entries[network, Payee(Address(PAYEE))].added_at.year == 2020
    assert entries[network, Payee(Address(OTHER))].added_at.year > 2025


def _dated(path: Path) -> Any:
    """The draft as if its first entry had been added long ago."""
    text = re.sub(r"^\s*//.*\n", "", path.read_text(), flags=re.MULTILINE)
    row = json.loads(text)
    row["destinations"][0]["entries"][0]["added_at"] = "2020-01-01T00:00:00Z"
    return row
