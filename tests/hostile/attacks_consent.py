"""Attacks by agreement that was never given: approvals and policies."""

from __future__ import annotations

from typing import Final

from tests.hostile import consent, stopping
from tests.hostile.attack import Attack
from tests.hostile.world import RULING, THIEF, VERSION, ZOE
from tests.support.signer import ADA, ADMINISTRATORS, BOB, EVE

APPROVALS: Final = (
    Attack(
        "no approvals",
        "an honest transfer that nobody approved",
        "needs-approvals/approvals",
        consent.by(),
    ),
    Attack(
        "too few approvals",
        "one where two are needed",
        "needs-approvals/approvals",
        consent.by(ADA),
    ),
    Attack(
        "approvals replayed on another transfer",
        "real approvals of the transfer before",
        "unauthenticated/approval-signature",
        consent.replayed_on_another_transfer,
    ),
    Attack(
        "approvals replayed on another network",
        "the same payment and id on BSC",
        "unauthenticated/approval-signature",
        consent.replayed_on_another_network,
    ),
    Attack(
        "approvals replayed on another policy version",
        "the mandate renewed, its old approvals kept",
        "unauthenticated/approval-signature",
        consent.old_approvals_renewed,
    ),
    Attack(
        "approvals replayed for the thief",
        "mandate and transaction turned to the thief together",
        "unauthenticated/approval-signature",
        consent.replayed_for_the_thief,
    ),
    Attack(
        "a fee raised after approval",
        "`fee_max` in the approved mandate",
        "unauthenticated/approval-signature",
        consent.replayed(fee_max=10**18),
    ),
    Attack(
        "another initiator after approval",
        "so that the real one could approve",
        "unauthenticated/approval-signature",
        consent.replayed(initiator="somebody"),
    ),
    Attack(
        "an approval by the initiator",
        "ada approves what ada asked for",
        "unauthenticated/approver-is-initiator",
        consent.by(ADA, BOB, initiator="ada"),
    ),
    Attack(
        "an approval by the initiator's other name",
        "ada approves what her API user asked for",
        "unauthenticated/approver-is-initiator",
        consent.by(ADA, BOB, initiator="api-ada"),
    ),
    Attack(
        "one key twice",
        "ada's approval, and again",
        "unauthenticated/approver-twice",
        consent.by(ADA, ADA),
    ),
    Attack(
        "one key under two names",
        "ada's signature in bob's name",
        "unauthenticated/approval-signature",
        consent.forged(consent.under_another_name),
    ),
    Attack(
        "one person in two groups",
        "eve alone, where one of the treasury and one of risk are needed and she is in both",
        "needs-approvals/approvals",
        consent.by(EVE, vault="joint"),
    ),
    Attack(
        "a removed approver",
        "zoe's key, which counted under the version before",
        "unauthenticated/approver-unknown",
        consent.by(ADA, ZOE),
    ),
    Attack(
        "a stranger's approval",
        "signed with a key of one's own",
        "unauthenticated/approver-unknown",
        consent.by(ADA, THIEF),
    ),
    Attack(
        "a stranger's approval in bob's name",
        "the same under a name that counts",
        "unauthenticated/approval-signature",
        consent.forged(consent.by_the_thief_as_bob),
    ),
    Attack(
        "an administrator as approver",
        "who signs policies does not approve transfers",
        "unauthenticated/approver-unknown",
        consent.by(ADA, ADMINISTRATORS[0]),
    ),
    Attack(
        "a rejection as approval",
        "the signature under bob's no, as his yes",
        "unauthenticated/approval-signature",
        consent.forged(consent.rejection_as_approval),
    ),
    Attack(
        "a signature of zeros",
        "64 zero bytes in bob's name",
        "unauthenticated/approval-signature",
        consent.forged(consent.of_zeros),
    ),
    Attack(
        "an expired mandate",
        "approved, and too late by a second",
        "expired/mandate",
        consent.expired,
    ),
    Attack(
        "a mandate that lives too long",
        "two days where the rule allows one",
        "denied/mandate-lifetime",
        consent.lives_too_long,
    ),
    Attack(
        "a mandate from the future",
        "dated forward, so that it lives longer",
        "not-yet/ahead",
        consent.from_the_future,
    ),
    Attack(
        "a mandate of the old policy",
        "approved under the version before",
        "basis/other-basis",
        consent.old_version,
    ),
    Attack(
        "before the time lock ends",
        "fully approved, an hour too early",
        "not-yet/time-lock",
        consent.before_the_time_lock,
    ),
)

POLICY: Final = (
    Attack(
        "a payment to an outlaw",
        "approved by two, to a destination that a rule denies",
        "denied/denied-by-rule",
        consent.to_outlaw,
    ),
    Attack(
        "beside the allowlist",
        "a vault that pays suppliers only pays the thief",
        "denied/no-rule",
        consent.beside_the_allowlist,
    ),
    Attack(
        "a supplier listed just now",
        "before its cooling time is over",
        "not-yet/destination-cooling",
        consent.freshly_listed,
    ),
    Attack(
        "a fee beyond the rule",
        "agreed by two, above what the policy lets a fee be",
        "denied/cost-limit",
        consent.fee_beyond_the_rule,
    ),
    Attack(
        "a policy rolled back",
        "the first version, signed by its quorum",
        "denied/policy-rollback",
        consent.older_policy,
    ),
    Attack(
        "the version in force, rewritten",
        "another document of the same version, signed by the quorum",
        "denied/policy-rollback",
        consent.same_version_again,
    ),
    Attack(
        "an unsigned policy",
        "a next version that allows everything",
        "denied/policy-unsigned",
        consent.unsigned_policy,
    ),
    Attack(
        "a policy signed by too few",
        "one administrator where two are needed",
        "denied/policy-unsigned",
        consent.too_few,
    ),
    Attack(
        "a policy signed by a removed administrator",
        "one who may, and one who was replaced",
        "denied/policy-unsigned",
        consent.removed_administrators,
    ),
    Attack(
        "one administrator under two names",
        "the same signature twice",
        "denied/policy-unsigned",
        consent.one_administrator_under_two_names,
    ),
    Attack(
        "a policy changed after signing",
        "two approvals made into one",
        "denied/policy-unsigned",
        consent.changed_after_signing,
    ),
    Attack(
        "a policy in which one key is two persons",
        "signed by the quorum, who did not see it",
        "malformed/policy",
        consent.one_key_two_persons,
    ),
    Attack(
        "an idle deny entry",
        "signed by the quorum: an outlaw spelt wrongly on a network that is not enabled yet",
        "malformed/policy",
        consent.idle_deny_entry,
    ),
    Attack(
        "a policy that forgets fees",
        "signed by the quorum: windows for each destination and none of the vault",
        "malformed/policy",
        consent.forgotten_fees,
    ),
    Attack(
        "a policy with a key that anybody has",
        "signed by the quorum: a point of small order, under which anything verifies",
        "malformed/policy",
        consent.key_that_anybody_has,
    ),
)

STOPS: Final[tuple[Attack, ...]] = (
    Attack(
        "a stop by a stranger",
        "in the thief's own name, to keep the house from paying",
        "denied/stop-unsigned",
        stopping.stop_by(stopping.STRANGER),
    ),
    Attack(
        "a stop in an administrator's name",
        "signed by the thief",
        "denied/stop-unsigned",
        stopping.stop_by(stopping.STRANGER, administrator=RULING[0].name),
    ),
    Attack(
        "a stop by a removed administrator",
        "who was replaced with the version in force",
        "denied/stop-unsigned",
        stopping.stop_by(stopping.REMOVED),
    ),
    Attack(
        "a stop of another signer",
        "said by an administrator, about another log",
        "denied/stop-origin",
        stopping.stop_by(RULING[0], origin="another.example/log"),
    ),
    Attack(
        "a stop that was ended, said again",
        "about the version before the one in force",
        "denied/stop-version",
        stopping.stop_by(RULING[0], policy_version=VERSION - 1),
    ),
    Attack(
        "a policy's signature as a stop",
        "the one that put the version in force",
        "denied/stop-unsigned",
        stopping.signed_by_a_policy,
    ),
    Attack(
        "stops as a policy's signatures",
        "of all administrators, under a next version",
        "denied/policy-unsigned",
        stopping.signing_a_policy,
    ),
    Attack(
        "a payment while it is stopped",
        "agreed by all whom the policy asks",
        "stopped/emergency-stop",
        stopping.paying_meanwhile,
        own=True,
    ),
    Attack(
        "a stop ended by one administrator",
        "a next version with one signature, then a payment",
        "stopped/emergency-stop",
        stopping.ended_by_one,
        own=True,
    ),
    Attack(
        "a stop ended by the version in force",
        "published once more, then a payment",
        "stopped/emergency-stop",
        stopping.ended_by_the_version_in_force,
        own=True,
    ),
    Attack(
        "a stop ended by a crash",
        "the signer is killed and started, then asked to pay",
        "stopped/emergency-stop",
        stopping.ended_by_a_crash,
        own=True,
    ),
)
