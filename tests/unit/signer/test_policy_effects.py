"""Effects that are no payments, and memos: what a rule that names them can bound, and what not."""

from dataclasses import replace

import pytest

from chains.effects import Allow, Call, Delegate, Pay, Sign
from chains.model import Address
from signer.agreement import Action
from signer.policy import (
    Policy,
    Ruling,
    evaluate,
)
from tests.support.signer import (
    NOON,
    policy_document,
    rule,
    window,
)
from tests.support.signer_policy import nothing_known
from tests.unit.signer.policy_cases import (
    ALL,
    ETH,
    HOUR,
    KNOWN,
    NETWORK,
    PER_DESTINATION,
    SANCTIONED,
    TOKEN,
    facts,
    judge,
    pay,
    word,
)

# Effects that are no payments, and memos: allowed by no rule that does not name them

ALLOW = Allow(Address("0xaa"), ETH, 100, None)
UNLIMITED = Allow(Address("0xaa"), ETH, None, NOON)
CALL = Call(Address("0xaa"), "deposit", (("to", "[0xbb]"),), value=100)
SIGN = Sign("eip-712", "0xaa", b"permit")
DELEGATE = Delegate(Address("0xme"), Address("0xaa"), "eip155:31337", 7)
OTHERS = {"allow": ALLOW, "call": CALL, "sign": SIGN, "delegate": DELEGATE}
EVERY = ["transfer", *OTHERS]


def named(name, action, **changes):
    """A rule for payments and `action`, whatever message SIGN is."""
    messages = changes.pop("messages", {SIGN.kind: [SIGN.domain]})
    return rule(name, actions=["transfer", action], messages=messages, **changes)


def endless(name, asset):
    """A rule for allowances that may be without a bound, of `asset`."""
    row = named(name, "allow")
    row["grant"]["unlimited"] = [asset]
    return row


def amounts(most):
    return {"per_transfer": [{"asset": ETH, "amount": str(most)}]}


def of(*effects, **changes):
    return {"effects": effects, **changes}


def with_memo(memo, to="0xaa"):
    return Pay(Address(to), ETH, 100, memo)


def memo_group(*memos):
    entries = [
        {"network": NETWORK, "address": "0xaa", "memo": memo, "added_at": "2026-03-04T00:00:00Z"}
        for memo in memos
    ]
    return {"id": "people", "cooling_s": 0, "entries": entries}


ALLOW_RULE, CALL_RULE = named("r", "allow"), named("r", "call")
EFFECTS = [
    # What no rule names
    *((f"{action} under a rule for payments", [ALL], of(effect), "deny/no-rule -")
      for action, effect in OTHERS.items()),
    *((f"{action} beside a payment", [ALL], of(*pay(("0xaa", ETH, 1)), effect), "deny/no-rule -")
      for action, effect in OTHERS.items()),
    *((f"{action} under rules for all other actions",
       [rule("r", actions=[name for name in EVERY if name != action])], of(effect),
       "deny/no-rule -") for action, effect in OTHERS.items()),
    *((f"{action}, named", [named("r", action)], of(effect), "allow/allowed r")
      for action, effect in OTHERS.items()),
    ("a message of which no domain is named", [named("r", "sign", messages={})], of(SIGN),
     "deny/message-unnamed r"),
    ("a message for another domain", [named("r", "sign", messages={SIGN.kind: ["0xbb"]})],
     of(SIGN), "deny/message-unnamed r"),
    ("a message of another kind", [named("r", "sign", messages={"siwe": [SIGN.domain]})],
     of(SIGN), "deny/message-unnamed r"),
    ("a payment called an allowance", [ALL], of(*pay(("0xaa", ETH, 1)), action=Action.ALLOW),
     "deny/no-rule -"),
    ("an allowance called a payment", [ALL], of(ALLOW, action=Action.TRANSFER), "deny/no-rule -"),
    ("nothing, under every action", [rule("r", actions=EVERY)], of(), "deny/no-rule -"),
    ("two rules, half each", [ALL, rule("r", actions=["allow"])],
     of(*pay(("0xaa", ETH, 1)), ALLOW), "deny/no-rule -"),

    # Amounts
    ("an allowance within the amount", [named("r", "allow", **amounts(100))], of(ALLOW),
     "allow/allowed r"),
    ("an allowance above it", [named("r", "allow", **amounts(99))], of(ALLOW),
     "deny/amount-limit r"),
    ("an allowance and a payment together", [named("r", "allow", **amounts(100))],
     of(ALLOW, *pay(("0xbb", ETH, 1))), "deny/amount-limit r"),
    ("without limit, above any amount", [named("r", "allow", **amounts(2**256 - 1))],
     of(UNLIMITED), "deny/amount-limit r"),
    ("without limit, above any window",
     [named("r", "allow", windows=[window(ETH, HOUR, 2**256 - 1)])], of(UNLIMITED, fee=0),
     "deny/window-amount r"),
    ("without limit, under no limit", [named("r", "allow")], of(UNLIMITED),
     "deny/allowance-unlimited r"),
    ("without limit, named", [endless("r", ETH)], of(UNLIMITED), "allow/allowed r"),
    ("without limit, of another asset", [endless("r", TOKEN)], of(UNLIMITED),
     "deny/allowance-unlimited r"),
    ("without limit, above a ceiling",
     [named("r", "allow"), named("cap", "allow", effect="deny", **amounts(2**256 - 1))],
     of(UNLIMITED), "deny/denied-by-rule cap"),
    ("a call's coins count", [named("r", "call", **amounts(99))], of(CALL), "deny/amount-limit r"),
    ("a call within the amount", [named("r", "call", **amounts(100))], of(CALL),
     "allow/allowed r"),
    ("a call's coins fill a window", [named("r", "call", windows=[window(ETH, HOUR, 109)])],
     of(CALL), "deny/window-amount r"),
    ("a call's coins fit a window", [named("r", "call", windows=[window(ETH, HOUR, 110)])],
     of(CALL), "allow/allowed r"),
    *((f"{action} has no amount, so no limit holds", [named("r", action, **amounts(2**256 - 1))],
       of(OTHERS[action]), "deny/amount-limit r") for action in ("sign", "delegate")),
    *((f"{action} is in no window", [named("r", action, windows=[window(ETH, HOUR, 10**9)])],
       of(OTHERS[action]), "deny/amount-limit r") for action in ("sign", "delegate")),
    *((f"{action} is above a ceiling",
       [named("r", action), named("cap", action, effect="deny", **amounts(2**256 - 1))],
       of(OTHERS[action]), "deny/denied-by-rule cap") for action in ("sign", "delegate")),

    # Assets and destinations: allowing takes what is certain
    ("an allowance of the asset", [named("r", "allow", assets=[ETH])], of(ALLOW),
     "allow/allowed r"),
    ("an allowance of another", [named("r", "allow", assets=[TOKEN])], of(ALLOW),
     "deny/no-rule -"),
    *((f"{action}: nobody can tell of which asset", [named("r", action, assets=[ETH])],
       of(OTHERS[action]), "deny/no-rule -") for action in ("call", "sign", "delegate")),
    *((f"{action} to who is known", [named("r", action, destinations=["known"])],
       of(OTHERS[action]), "allow/allowed r") for action in ("allow", "call", "delegate")),
    ("a message to nobody", [named("r", "sign", destinations=["known"])], of(SIGN),
     "deny/no-rule -"),
    ("a spender who is not known", [named("r", "allow", destinations=["known"])],
     of(replace(ALLOW, spender=Address("0xcc"))), "deny/no-rule -"),
    ("a contract that is not known", [named("r", "call", destinations=["known"])],
     of(replace(CALL, contract=Address("0xcc"))), "deny/no-rule -"),
    ("a contract that cools", [named("r", "call", destinations=["known"])],
     of(replace(CALL, contract=Address("0xbb"))), "not-yet/destination-cooling r"),
    ("code that is not known", [named("r", "delegate", destinations=["known"])],
     of(replace(DELEGATE, code=Address("0xcc"))), "deny/no-rule -"),

    # Denying takes what is possible
    ("an outlaw may spend", [ALLOW_RULE, named("no", "allow", effect="deny",
     destinations=["sanctioned"])], of(replace(ALLOW, spender=Address("0xbb"))),
     "deny/denied-by-rule no"),
    ("an outlaw in a call's arguments", [CALL_RULE, named("no", "call", effect="deny",
     destinations=["sanctioned"])], of(CALL), "deny/denied-by-rule no"),
    ("no outlaw in a call", [CALL_RULE, named("no", "call", effect="deny",
     destinations=["sanctioned"])], of(replace(CALL, arguments=())), "allow/allowed r"),
    ("a message may be for an outlaw", [named("r", "sign"), named("no", "sign", effect="deny",
     destinations=["sanctioned"])], of(SIGN), "deny/denied-by-rule no"),
    *((f"{action} may be of any asset",
       [named("r", action), named("no", action, effect="deny", assets=[TOKEN])],
       of(OTHERS[action]), "deny/denied-by-rule no") for action in ("call", "sign", "delegate")),
    ("an allowance of another asset", [ALLOW_RULE, named("no", "allow", effect="deny",
     assets=[TOKEN])], of(ALLOW), "allow/allowed r"),
    ("a deny rule for payments", [ALLOW_RULE, rule("no", effect="deny")], of(ALLOW, action="allow"),
     "allow/allowed r"),
    ("called a payment, it is one too", [ALLOW_RULE, rule("no", effect="deny")], of(ALLOW),
     "deny/denied-by-rule no"),

    # Memos
    ("who is known without memo", [KNOWN], of(with_memo(None)), "allow/allowed known"),
    ("somebody else at that address", [KNOWN], of(with_memo("7")), "deny/no-rule -"),
    ("a sanctioned address, whatever the memo", [ALL, SANCTIONED], of(with_memo("7", "0xbb")),
     "deny/denied-by-rule sanctioned"),
    ("memos have windows of their own", [PER_DESTINATION],
     of(with_memo("7"), with_memo("8")), "allow/allowed each"),
    ("a memo's window counts all its payments", [PER_DESTINATION],
     of(with_memo("7"), with_memo("7")), "deny/window-amount each"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "given", "expected"), [r[1:] for r in EFFECTS],
                         ids=[r[0] for r in EFFECTS])  # fmt: skip
def test_effects(rules, given, expected):
    assert word(judge(rules, **given)) == expected


def test_a_memo_in_an_allowlist_is_part_of_who_is_paid():
    rules = [rule("people", destinations=["people"])]
    policy = Policy.parse(policy_document(*rules, destinations=[memo_group("7", "8")]))

    def ruling(memo):
        return evaluate(policy, facts(effects=(with_memo(memo),)), nothing_known, NOON, ()).ruling

    assert [ruling(memo) for memo in ("7", "8", "9", None)] == [
        Ruling.ALLOW, Ruling.ALLOW, Ruling.DENY, Ruling.DENY
    ]  # fmt: skip


def test_a_denied_memo_is_not_the_whole_address():
    rules = [ALL, rule("no", effect="deny", destinations=["people"])]
    policy = Policy.parse(policy_document(*rules, destinations=[memo_group("7")]))

    def ruling(memo):
        return evaluate(policy, facts(effects=(with_memo(memo),)), nothing_known, NOON, ()).ruling

    assert [ruling(memo) for memo in ("7", "8", None)] == [Ruling.DENY, Ruling.ALLOW, Ruling.ALLOW]
