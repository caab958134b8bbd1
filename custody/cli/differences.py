"""What one version of a policy says otherwise than another, in words."""

from __future__ import annotations

from collections.abc import Iterator

from chains.errors import NetworkFixed
from chains.lasting import Lasting
from custody.cli.policy_words import people_lines, rule_lines
from custody.cli.rows import difference_lines
from signer.policy import Policy
from signer.wire import parse_json


def differences(before: bytes, after: bytes) -> Iterator[str]:
    """A line each, of two canonical documents. Last comes why the signer would refuse the second
    after the first, if its networks and assets are a reason."""
    was = parse_json(before)
    earlier, later = Policy.parse(before), Policy.parse(after)
    yield f"version         {earlier.version} becomes {later.version}"
    yield from _people(earlier, later)
    yield from _rules(earlier, later)
    yield from difference_lines(earlier.catalogue, later.catalogue)
    fixed = Lasting()
    fixed.add(was["networks"], was["assets"])
    try:
        fixed.check(later.catalogue)
    except NetworkFixed as error:
        yield f"REFUSED         the signer refuses this: {error.code}: {error}"


def _people(earlier: Policy, later: Policy) -> Iterator[str]:
    yield from _lines(list(people_lines(earlier)), list(people_lines(later)))


def _rules(earlier: Policy, later: Policy) -> Iterator[str]:
    """Rule by rule, and last their order, if those that stay stand in another one."""
    was, becomes = ({rule.id: rule for rule in each.rules} for each in (earlier, later))
    for name in dict.fromkeys([*was, *becomes]):
        before = [*rule_lines(was[name], earlier.catalogue)] if name in was else []
        after = [*rule_lines(becomes[name], later.catalogue)] if name in becomes else []
        changes = [*_lines(before, after)]
        yield from changes
        same = name in was and name in becomes and was[name].row == becomes[name].row
        if not changes and not same:
            yield f"rule            {name}: written otherwise, and means the same"
    kept = [name for name in was if name in becomes]
    if kept != [name for name in becomes if name in was]:
        yield f"rules           stand in this order: {', '.join(becomes)}"


def _lines(before: list[str], after: list[str]) -> Iterator[str]:
    """What is said no longer, then what is new, each whole."""
    yield from (f"NO LONGER       {line}" for line in before if line not in after)
    yield from (f"NEW             {line}" for line in after if line not in before)
