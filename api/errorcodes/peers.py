"""Codes of chains, of the signer and of what transfers wait for. Data only."""

from __future__ import annotations

from typing import Final

from api.errorcodes.model import Word, Words

_FIX: Final = "Correct the request; repeating it as it is changes nothing."
_NODE: Final = "The operator looks at the node; what waits for it goes on by itself."
_ITSELF: Final = "Nothing: it is tried again by itself."

CHAINS: Final[Words] = {
    "chain_error": Word((), "Base of the tree; nothing says only this.", _NODE),
    "input_invalid": Word((422,), "Something given can't be used on this network.", _FIX),
    "address_malformed": Word((422,), "Not an address in any format of the network.", _FIX),
    "address_checksum": Word((422,), "It looks like an address; a character is wrong.", _FIX),
    "address_wrong_network": Word((422,), "A valid address of another network.", _FIX),
    "address_zero": Word((422,), "The burn address: what is sent there is gone.", _FIX),
    "amount_invalid": Word((422,), "Not an amount of this asset.", _FIX),
    "amount_malformed": Word((422,), "Not a number in the form that is read.", _FIX),
    "amount_too_many_decimals": Word((422,), "Finer than the asset can be divided.", _FIX),
    "amount_negative": Word((422,), "Below zero.", _FIX),
    "amount_zero": Word((422,), "Zero.", _FIX),
    "amount_dust": Word((422,), "The network would refuse to carry or keep so little.", _FIX),
    "outputs_unsupported": Word(
        (422,),
        "A transaction of this network makes one payment.",
        "Ask for a transfer for each payment.",
    ),
    "call_unknown": Word(
        (422,),
        "Nothing describes what is to be called here, or not in the words that were said.",
        _FIX,
    ),
    "outcome_malformed": Word(
        (422,),
        "Bounds of a call's outcome that are not in the one form that is read.",
        _FIX,
    ),
    "call_reverts": Word(
        (422,),
        "The contract refuses the call as things stand, so nothing is signed; an estimate says its "
        "word, and which allowance would help.",
        "Do what it asks for, or call it off.",
    ),
    "outputs_too_many": Word(
        (422,),
        "More payments than one transaction of this network holds.",
        "Ask for several transfers, each with fewer outputs.",
    ),
    "payee_unpayable": Word(
        (422,),
        "The network would refuse this payment, so none of the transfer's was made; found when it "
        "was built, so it is the reason of a denied transfer, with the output's number.",
        "Ask again without it.",
    ),
    "nothing_to_hasten": Word(
        (422,),
        "What `child_of` names does not wait for a block, pays no address of the vault, or its "
        "coin is spent; found when it was built, it is the reason of a denied transfer.",
        "Nothing, if it is in a block; else look whether it was replaced.",
    ),
    "nothing_to_close": Word(
        (422,),
        "No token account of the address would be empty and its own to close.",
        "Ask without `close_accounts`.",
    ),
    "fees_withheld": Word(
        (422,),
        "Fees that its mint withheld lie in the account, so it can't be closed (Token-2022).",
        "Ask without `close_accounts`; anybody may bring the fees to the mint (harvest), and then "
        "it can be closed.",
    ),
    "memo_unsupported": Word((422,), "Payments of this network carry no memo.", _FIX),
    "network_invalid": Word((), "A network's row in a policy is not one.", "Correct the policy."),
    "network_fixed": Word(
        (), "A policy changes what addresses and money hang on.", "Correct the policy."
    ),
    "description_malformed": Word(
        (), "What describes a contract's function can't be read.", "Correct the description."
    ),
    "codec_error": Word((), "Bytes of a transaction can't be used.", "Tell the developers."),
    "transaction_malformed": Word((), "Not one well-formed transaction.", "Tell the developers."),
    "signature_mismatch": Word((), "A signature is missing or wrong.", "Tell the developers."),
    "build_error": Word((422,), "The transaction can't be built now.", _ITSELF),
    "insufficient_funds": Word(
        (422,),
        "What the vault has on the chain does not pay amount and costs.",
        "Wait for deposits to become final, or fund the vault.",
    ),
    "too_many_coins": Word(
        (422,),
        "The money is there, in more small coins than one transaction can carry.",
        "Nothing, where an operator's rule consolidates the vault's coins "
        "(`GET /v1/vaults/{vault_id}/coin-moves`). Else ask for a transfer of `all` with "
        "`consolidate` to an address of the vault's own, once or more often, and of fewer coins if "
        "that one waits for the same. It is looked at again by itself.",
    ),
    "coins_in_use": Word(
        (422,), "The money is in coins that other transactions spend; change comes back.", _ITSELF
    ),
    "insufficient_gas": Word(
        (422,),
        "What is paid is there, and too little of the coin in which costs are paid; `asset` names "
        "the coin.",
        "Send some of the network's coin to the address that pays.",
    ),
    "not_signed_apart": Word(
        (422,),
        "The payer's signature would not let others submit the payment: it has code, the contract "
        "signs otherwise than was listed (EIP-3009), or on Solana who would pay for it has no "
        "nonce account that is ready.",
        "Nothing: it goes as a transaction of its own, once a gas station has brought the coin.",
    ),
    "balance_frozen": Word(
        (422,),
        "The token's issuer lets nothing leave the address that pays.",
        "Ask the issuer. It goes on by itself when that has ended.",
    ),
    "payee_frozen": Word(
        (422,),
        "The token's issuer lets nothing come to the payee.",
        "Call the transfer off; the payee can't have it.",
    ),
    "token_paused": Word(
        (422,), "The token's issuer has stopped all payments of it for a while.", _ITSELF
    ),
    "rent_reserve": Word(
        (422,),
        "What would stay in the account is less than the chain lets stand.",
        "Send less, or all.",
    ),
    "rent_above_maximum": Word(
        (422,),
        "An account has to be opened, and its rent is more than the transfer allows.",
        "Raise the bound: `POST /v1/transfers/{transfer_id}/costs`.",
    ),
    "replacement_pinned": Word(
        (422,),
        "The payee spends the payment already, before it is in a block; to replace it costs what "
        "that pays too.",
        "Wait, or raise the bound: `POST /v1/transfers/{transfer_id}/costs`.",
    ),
    "fee_above_maximum": Word(
        (422,),
        "The network asks for more than the transfer allows.",
        "Wait, or raise the bound: `POST /v1/transfers/{transfer_id}/costs`.",
    ),
    "fee_unknown": Word((422,), "The node can't say yet what the network charges.", _ITSELF),
    "claim_unusable": Word((422,), "A coin or number that was claimed is gone.", _ITSELF),
    "too_many_in_flight": Word(
        (422,),
        "As many transactions of the paying address as the operator allows wait for a block "
        "(`CUSTODY_IN_FLIGHT_MAX`).",
        _ITSELF,
    ),
    "broadcast_rejected": Word(
        (), "The node refused the transaction; it may live elsewhere.", _ITSELF
    ),
    "not_simulated": Word(
        (),
        "No node here shows what a call would change, or it touches too much to be asked about.",
        "Bound what matters by arguments of the call; only these are certain.",
    ),
    "inclusion_unproven": Word(
        (),
        "What the node says of a block does not give the block's hash.",
        "Nothing. Evidence of it holds what nodes said, and no proof.",
    ),
    "node_error": Word((502,), "The node's answer can't be used.", _NODE),
    "node_unavailable": Word((503,), "The node does not answer, or is syncing.", _NODE),
    "block_unreadable": Word((503,), "The node can't show a block.", _NODE),
    "node_limited": Word((503,), "The node wants fewer questions.", _ITSELF),
    "node_denied": Word((503,), "The node does not accept our credentials.", _NODE),
    "private_nodes_away": Word(
        (503,),
        "No private node takes a call that only they are to see; no other node is given it.",
        _NODE,
    ),
    "node_misbehaved": Word((502,), "An answer that contradicts itself.", _NODE),
    "node_unfit": Word((502,), "The node lacks something without which money is missed.", _NODE),
    "node_wrong_chain": Word((502,), "The node serves another chain.", _NODE),
}

SIGNER: Final[Words] = {
    "signer_unavailable": Word(
        (503,), "The signer does not answer, or can't make its decision durable.", _ITSELF
    ),
    "signer_locked": Word(
        (503, 409), "The signer waits for its passphrase.", "The operator unlocks it."
    ),
    "signer_stopped": Word(
        (503,),
        "An administrator has stopped the signer: it signs cancels and nothing else.",
        "Wait. The administrators end it with a newer policy.",
    ),
    "signer_malformed": Word((503,), "The signer can't read the request.", "See the log."),
    "signer_unauthenticated": Word(
        (503,), "The signer does not know this process.", "See the runbook."
    ),
    "signer_mismatch": Word(
        (503,), "The transaction does something else than the terms.", "See the log."
    ),
    "signer_unexplained": Word(
        (503,), "The transaction has something that can't be explained.", "See the log."
    ),
    "signer_denied": Word((503,), "The policy in force says no.", "See the transfer's reason."),
    "signer_needs_approvals": Word((503,), "Approvals are missing.", "Have it approved."),
    "signer_expired": Word((503,), "The terms have expired.", "Make a new transfer."),
    "signer_not_yet": Word((503,), "A time lock runs, or the hour has not come.", _ITSELF),
    "signer_basis": Word((503,), "The rules changed since the terms were offered.", _ITSELF),
    "signer_conflict": Word(
        (503,), "Another transaction was signed for it, and both could confirm.", _ITSELF
    ),
    "signer_unknown_vault": Word((503,), "The signer never opened the vault.", "See the runbook."),
}

WAITS: Final[Words] = {
    "busy": Word((), "Another worker has it in hand.", _ITSELF),
    "collecting": Word(
        (),
        "It waits for others of its vault, so that one transaction pays for all "
        "(`CUSTODY_COLLECT_FOR`).",
        _ITSELF,
    ),
    "earlier_unsigned": Word(
        (), "A transaction of the same address has to be signed before it.", _ITSELF
    ),
    "expired": Word((), "Its terms have expired; it ends at the next look.", "Nothing."),
    "fee_cap_reached": Word(
        (),
        "Its fees would exceed what the operator lets a day of the vault cost.",
        "It goes on as the day passes, or when the operator raises the cap.",
    ),
    "outcome_outside": Word(
        (),
        "The call would do now what is out of the bounds that were agreed on; it is not signed.",
        "Look at what changed; it is tried again, or ask for another one with `retry_of`.",
    ),
    "call_would_fail": Word(
        (),
        "The contract would refuse the call now; it is not signed, and costs nothing.",
        "Look at the reason; it is tried again, or call it off.",
    ),
    "paused": Word(
        (),
        "An operator holds back what is new there.",
        "See `GET /v1/pauses`; it goes on after it.",
    ),
    "source_unknown": Word(
        (), "The terms name no account of the vault.", "Tell the operator: see the log."
    ),
    "fee_above_reservation": Word(
        (), "The chain took more than was held for it.", "See the alarm of that name."
    ),
}
"""Of nothing else. Any code of chains or the signer can be one, too, and `vault_frozen`."""

DENIALS: Final[Words] = {
    "allowed": Word((), "A rule allows it.", "Nothing."),
    "initiator-unknown": Word((), "Who asks is no person or machine of the policy.", "Name them."),
    "payment-of-nothing": Word((), "Nothing is paid.", _FIX),
    "denied-by-rule": Word((), "A rule denies it.", "Ask for something else."),
    "no-rule": Word((), "No rule matches it.", "Have one written."),
    "out-of-scope": Word((), "The rule is about something else.", "See the next reason."),
    "allowance-unlimited": Word(
        (), "Somebody may take any amount, and no rule names that.", "Allow an amount."
    ),
    "call-condition": Word(
        (), "An argument of the call is not what the rule asks.", "Ask as the rule says."
    ),
    "call-deadline": Word(
        (), "The call's deadline is over, or later than the rule allows.", "Ask with another one."
    ),
    "call-value": Word(
        (), "More coins go with the call than the rule allows.", "Ask with fewer coins."
    ),
    "amount-limit": Word((), "More than the rule allows at once.", "Ask for less."),
    "window-amount": Word((), "More than the rule allows within its window.", "Wait, or less."),
    "window-count": Word((), "More payments than the rule allows within its window.", "Wait."),
    "usage-unknown": Word((), "Nobody knows what was used of the window.", _ITSELF),
    "cost-limit": Word((), "Costs above what the rule allows.", "Lower the bound of the costs."),
    "mandate-lifetime": Word((), "The terms would be valid for too long.", "Ask for less."),
    "hours": Word((), "Outside of the hours that the rule names.", "Wait."),
    "message-unnamed": Word(
        (),
        "The rule names no message of this kind for this domain.",
        "Have it named, if it shall be signed.",
    ),
    "destination-cooling": Word((), "The destination is too new on its list.", "Wait."),
    "approvals": Word((), "Approvals are missing.", "Have it approved."),
    "time-lock": Word((), "The rule's delay still runs.", "Wait."),
}
