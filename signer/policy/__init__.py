"""The policy: who may move what, and who must approve. Public. Pure functions of their arguments.

Custody evaluates it first, to tell people what will be needed. The signer evaluates it again, with
its own counters. Only the signer's verdict counts.
"""

from signer.policy.approvals import (
    missing_approvals,
)
from signer.policy.basis import (
    Support,
    basis_of,
    supports_of,
)
from signer.policy.calls import (
    enforced,
)
from signer.policy.credentials import (
    Credential,
    NotSigned,
    check_signed,
)
from signer.policy.document import (
    DOCUMENT_BYTES_MAX,
    Administrators,
    DestinationEntry,
    DestinationGroup,
    Machine,
    Person,
    Policy,
    PolicyHead,
)
from signer.policy.evaluate import (
    CLOCK_SKEW,
    evaluate,
)
from signer.policy.facts import (
    NOTHING,
    Facts,
    Spend,
    Usage,
    Window,
    facts_of,
    spends_of,
    taken_of,
)
from signer.policy.fields import (
    InvalidPolicy,
)
from signer.policy.payees import (
    UNBOUNDED,
    Payee,
)
from signer.policy.replay import (
    Change,
    PastTransfer,
    explain,
    replay,
)
from signer.policy.rules import (
    AmountLimit,
    Grant,
    Hours,
    Limits,
    Order,
    Rule,
    Scope,
    WindowLimit,
)
from signer.policy.signing import (
    PolicyUnsigned,
    SignedPolicy,
    check_quorum,
    policy_message,
    verify_policy,
)
from signer.policy.stop import (
    Stop,
    stop_message,
)
from signer.policy.verdicts import (
    Detail,
    Evaluation,
    Reason,
    RuleTrace,
    Ruling,
)
from signer.policy.windows import (
    usage_of,
    windows,
)

__all__ = [
    "CLOCK_SKEW",
    "DOCUMENT_BYTES_MAX",
    "NOTHING",
    "UNBOUNDED",
    "Administrators",
    "AmountLimit",
    "Change",
    "Credential",
    "DestinationEntry",
    "DestinationGroup",
    "Detail",
    "Evaluation",
    "Facts",
    "Grant",
    "Hours",
    "InvalidPolicy",
    "Limits",
    "Machine",
    "NotSigned",
    "Order",
    "PastTransfer",
    "Payee",
    "Person",
    "Policy",
    "PolicyHead",
    "PolicyUnsigned",
    "Reason",
    "Rule",
    "RuleTrace",
    "Ruling",
    "Scope",
    "SignedPolicy",
    "Spend",
    "Stop",
    "Support",
    "Usage",
    "Window",
    "WindowLimit",
    "basis_of",
    "check_quorum",
    "check_signed",
    "enforced",
    "evaluate",
    "explain",
    "facts_of",
    "missing_approvals",
    "policy_message",
    "replay",
    "spends_of",
    "stop_message",
    "supports_of",
    "taken_of",
    "usage_of",
    "verify_policy",
    "windows",
]
