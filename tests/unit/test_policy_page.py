"""The policy in docs/policy.md is one, and names all that there is to name."""

import re
from pathlib import Path

from chains.costs import CostKind
from signer.agreement import Action
from signer.policy import Policy
from signer.wire import canonical_json, read_json
from tests.support.signer import Person

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()


def test_the_example_is_a_policy():
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    for name in ("ADM1", "ADM2", "ADA1", "ADA2", "BOB1"):
        example = example.replace(f'"{name}"', f'"{Person(name).public_key.hex()}"')
    policy = Policy.parse(canonical_json(read_json(example.encode())))
    assert len(policy.persons["ada"].credentials) == 2
    assert policy.behind("payroll") == {"bob"}


def test_the_page_names_every_action_and_kind_of_cost():
    for name in (*Action, *CostKind):
        assert f"`{name}`" in PAGE
