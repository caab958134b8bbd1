"""Codes of requests that are refused before or by custody. Data only."""

from __future__ import annotations

from typing import Final

from api.errorcodes.model import Word, Words

_FIX: Final = "Correct the request; repeating it as it is changes nothing."
_LOOK: Final = "Check the id, and whether the API key's client is the right one."
_READ: Final = "Read the thing again and decide anew."
_LATER: Final = "Send the same request with the same `Idempotency-Key` again."

FORM: Final[Words] = {
    "unauthenticated": Word((401,), "No API key, or one that is not valid.", "Send a valid key."),
    "scope_missing": Word(
        (403,), "The key lacks the scope that the route needs.", "Use a key that has it."
    ),
    "key_bound_to_client": Word(
        (403,),
        "The route is about all clients; the key is bound to one.",
        "Use a key of the house.",
    ),
    "route_not_found": Word((404,), "There is no such path.", "See the OpenAPI document."),
    "method_not_allowed": Word((405,), "The path has other methods.", "See the `Allow` header."),
    "request_malformed": Word((400,), "Not a request of HTTP that can be read.", _FIX),
    "http_error": Word((400,), "Refused by the HTTP server for another reason.", _FIX),
    "body_not_json": Word((400,), "The body is not one JSON document with distinct names.", _FIX),
    "body_too_large": Word((413,), "The body is longer than is allowed.", "Send less."),
    "body_not_an_object": Word((422,), "The body is JSON, but no object.", _FIX),
    "media_type_unsupported": Word(
        (415,),
        "The body is not declared as what the route takes.",
        "Send `Content-Type: application/json`; of a payout file `text/csv` or "
        "`application/jsonl`.",
    ),
    "field_missing": Word((422,), "A required field is absent; `errors` names it.", _FIX),
    "field_unknown": Word((422,), "A field or parameter that the route does not know.", _FIX),
    "field_wrong_type": Word((422,), "A field has another JSON type than documented.", _FIX),
    "field_invalid": Word((422,), "A field has not the documented form.", _FIX),
    "idempotency_key_missing": Word(
        (422,), "The route needs the header `Idempotency-Key`.", "Send one; see Retries."
    ),
    "text_unprintable": Word((422,), "A text has characters that can't be printed.", _FIX),
    "range_empty": Word((422,), "A range ends before it begins.", _FIX),
    "cursor_invalid": Word(
        (422,), "The cursor is not one of this list.", "Take it from `next_cursor`."
    ),
    "too_many_waiting": Word(
        (429,),
        "The key has as many requests waiting for events as it may.",
        "One reader for each client is enough; wait for its answer.",
    ),
    "parameter_repeated": Word(
        (422,), "A query parameter is given twice that may be given once.", "Give it once."
    ),
    "amount_ambiguous": Word(
        (422,), "Both or neither of a decimal amount and base units are given.", "Give one."
    ),
    "outputs_ambiguous": Word(
        (422,),
        "Outputs are given, and beside them a destination, an amount or a memo.",
        "Give one.",
    ),
    "call_ambiguous": Word(
        (422,),
        "Both or neither of a function and octets are given, or arguments beside octets.",
        "Give one.",
    ),
    "internal_error": Word(
        (500,),
        "Something broke on our side; also what a transfer waits for after it.",
        "Tell the operator the request id: the log has the rest. " + _LATER,
    ),
}

CUSTODY: Final[Words] = {
    "try_again": Word((409,), "The request met another one at the same moment.", _LATER),
    "evidence_not_final": Word(
        (409,), "There is evidence of final transfers only.", "Ask again when it is final."
    ),
    "evidence_proof_missing": Word(
        (409,),
        "What nodes say of the transaction's block is not kept yet.",
        "Ask again; `proofs_late` in the runbook if it lasts.",
    ),
    "evidence_record_missing": Word(
        (503,),
        "The signer does not show a record that the evidence needs.",
        "Tell the operator.",
    ),
    "log_not_kept": Word(
        (404,),
        "No transparency log is kept here, or nothing of it is signed yet.",
        "Ask the operator whether one is.",
    ),
    "log_tile_not_found": Word(
        (404,),
        "The transparency log has no such tile.",
        "Take the size from the checkpoint first. Entries are not published.",
    ),
    "log_entry_not_found": Word(
        (404,),
        "That is not in the transparency log, or no checkpoint has it yet.",
        "Ask again in a moment; `transparency_stopped` in the runbook if it lasts.",
    ),
    "idempotency_key_reused": Word(
        (409,), "The key was used for another request.", "Use a new key for a new request."
    ),
    "external_id_taken": Word(
        (409,),
        "Another transfer of the client has this `external_id`; `transfer_id` names it.",
        "Look at that one. Another payment needs another name.",
    ),
    "duplicate_payment": Word(
        (409,),
        "The vault paid the same to the same payee a moment ago; `transfer_id` names the newest.",
        "Look at that one. If both are meant, send it without `Reject-Duplicates`.",
    ),
    "payout_file_not_found": Word((404,), "No such payout file, or not for this key.", _LOOK),
    "payout_file_invalid": Word(
        (422,),
        "Lines of the file can't be payments; `lines` names each, with its column and code.",
        "Correct them and send the file again, or send it with `invalid_lines=skip`. Nothing was "
        "created.",
    ),
    "payout_file_reference_taken": Word(
        (409,),
        "Another file of the client has this reference; `payout_file_id` names it.",
        "Look at that one. Another list of payments needs another reference.",
    ),
    "payout_file_empty": Word((422,), "The file has no line with a payment.", _FIX),
    "payout_file_too_long": Word((422,), "The file has too many lines.", "Send it in parts."),
    "payout_file_not_utf8": Word((422,), "The file is not UTF-8.", "Save it as UTF-8."),
    "payout_file_quote_open": Word(
        (422,),
        "A quotation mark in the file has no second one; `detail` names the line.",
        "Close it. Within a cell in quotation marks, a mark is written twice (RFC 4180).",
    ),
    "payout_line_too_long": Word((422,), "A line of the file is far too long.", _FIX),
    "payout_line_malformed": Word((), "The line is no line of CSV, or no JSON object.", _FIX),
    "payout_cells_miscounted": Word(
        (), "The line has more or fewer cells than the header.", "Quote cells that have commas."
    ),
    "payout_column_unknown": Word(
        (422,),
        "A column, or a name in a line of JSON, that no payment has; `detail` names those there "
        "are.",
        "Take it out. Columns are separated by commas.",
    ),
    "payout_column_repeated": Word((422,), "The header has a column twice.", _FIX),
    "payout_column_missing": Word((422,), "The header lacks a column that a payment needs.", _FIX),
    "payout_amount_all": Word((), "A line of a file asks for all there is.", "Name its amount."),
    "api_key_revoked": Word(
        (),
        "The API key that sent the file was revoked before the line was asked for.",
        "Send the lines in another file, with a key that is valid.",
    ),
    "uploads_busy": Word((503,), "As many files are being read as may be.", _LATER),
    "upload_too_slow": Word((503,), "The file took too long to arrive.", "Send it again."),
    "address_unknown": Word((422,), "The address that a list asks for is none of ours.", _LOOK),
    "storage_full": Word((503,), "The database has no space left; nothing was stored.", _LATER),
    "database_unavailable": Word(
        (503,), "The database does not answer, or takes reads only.", _LATER
    ),
    "signer_ahead": Word(
        (503,),
        "The signer has signed what the database does not know.",
        "The operator runs `custody recover`; see the runbook.",
    ),
    "client_not_found": Word((404,), "No such client, or not for this key.", _LOOK),
    "vault_not_found": Word((404,), "No such vault, or not for this key.", _LOOK),
    "address_not_found": Word((404,), "No such address, or not for this key.", _LOOK),
    "key_differs_there": Word(
        (409,),
        "The vault's key on that network is another one: nothing here signs for the address there.",
        "See the runbook, Paid on a wrong network: what can be recovered, and what can't.",
    ),
    "address_watched_there": Word(
        (409,),
        "The address was given out on that network too: what comes there is credited.",
        "`custody rescan` finds what was missed.",
    ),
    "deposit_not_found": Word((404,), "No such deposit, or not for this key.", _LOOK),
    "transfer_not_found": Word((404,), "No such transfer, or not for this key.", _LOOK),
    "alarm_not_found": Word((404,), "No such alarm, or not for this key.", _LOOK),
    "asset_not_found": Word((404,), "No such asset is served here.", "See `GET /v1/assets`."),
    "network_not_found": Word((404,), "No such network is served.", "See `GET /v1/networks`."),
    "mandate_not_found": Word((404,), "The transfer has no such version of its terms.", _LOOK),
    "mandate_unreadable": Word(
        (422,),
        "What is stored as the transfer's terms is not them; no other transfer is concerned.",
        "The operator compares the database with a backup. Nothing can be signed under them.",
    ),
    "approver_not_found": Word((404,), "The policy knows no such person.", _FIX),
    "policy_not_found": Word((404,), "No policy has this digest.", _LOOK),
    "token_not_found": Word((404,), "No such token for URLs is in force.", _LOOK),
    "too_many_tokens": Word(
        (409,),
        "The vault has as many tokens for URLs in force as it may.",
        "Revoke those that nobody uses.",
    ),
    "origin_invalid": Word(
        (422,),
        "An origin is not scheme, host and port as browsers send it, or there are too many.",
        _FIX,
    ),
    "origin_forbidden": Word(
        (403,),
        "The token in the URL is for other pages, or for programs alone.",
        "Make a token that names the page's origin.",
    ),
    "network_without_rpc": Word(
        (422,),
        "Apps ask wallets of this network in other words than Ethereum's.",
        "Use `POST /v1/transfers`.",
    ),
    "apikey_not_found": Word((404,), "No such API key.", _LOOK),
    "network_unknown": Word((422, 409), "No such network is served.", "See `GET /v1/networks`."),
    "asset_unknown": Word((422,), "No such asset on this network.", "See `GET /v1/assets`."),
    "address_type_invalid": Word((422,), "The network has no addresses of this type.", _FIX),
    "name_invalid": Word((422,), "A name is empty, too long or not printable.", _FIX),
    "label_invalid": Word((422,), "A label is empty, too long or not printable.", _FIX),
    "reason_invalid": Word((422,), "A reason is empty, too long or not printable.", _FIX),
    "amount_above_maximum": Word((422,), "More of the asset than can exist.", _FIX),
    "amount_above_balance": Word(
        (422,),
        "The vault has less available; `asset` says of what.",
        "Wait for deposits, or ask for less.",
    ),
    "amount_all_of_several": Word(
        (422,), "All that there is can't be paid to several.", "Name each output's amount."
    ),
    "not_consolidated_here": Word(
        (422,), "There are no coins on this network.", "Nothing has to be done there."
    ),
    "coins_not_whole": Word(
        (422,),
        "Coins are consolidated, split or spent in a child as a whole.",
        "Give one of `consolidate`, `split` and `child_of`, `all` as the amount, and no `source`.",
    ),
    "coins_elsewhere": Word(
        (422,),
        "Coins are consolidated, split and spent in a child within their vault.",
        "Name an address of the vault as the destination.",
    ),
    "child_under_way": Word(
        (422,),
        "Another transfer spends this coin of `child_of` already.",
        "Follow that one; its own coin can have a child.",
    ),
    "too_few_coins": Word(
        (422,), "There is nothing to consolidate.", "Wait until the vault has more coins."
    ),
    "source_not_whole": Word((422,), "A sweep of a part.", "Ask for `all`."),
    "not_swept_here": Word(
        (422,),
        "The address that pays, or a network of coins.",
        _FIX,
    ),
    "sweep_elsewhere": Word(
        (422,), "A later address can pay the vault's first one only.", "Name that; then pay."
    ),
    "no_accounts_here": Word(
        (422,), "`close_accounts` where tokens lie in no accounts of their own.", "Leave it out."
    ),
    "closing_not_whole": Word(
        (422,), "`close_accounts` of a payment that leaves something behind.", "Ask for `all`."
    ),
    "sweep_under_way": Word(
        (422,), "Another transfer sweeps the address.", "Ask again when that has ended."
    ),
    "destination_in_same_vault": Word((422,), "The payee is the vault itself.", _FIX),
    "costs_not_raised": Word((422,), "A bound of the costs can only be raised.", _FIX),
    "policy_denied": Word(
        (422,),
        "The policy says no; `detail` names the nearest rule. The transfer is kept as denied.",
        "Ask for what the policy allows, or have the policy changed.",
    ),
    "policy_missing": Word((422,), "No policy is in force.", "The operator publishes one."),
    "policy_changed": Word((422,), "The policy changed since the terms were offered.", _READ),
    "vault_frozen": Word(
        (422,),
        "Nothing leaves the vault; also what a transfer of it waits for.",
        "See the vault's freezes; an administrator ends them.",
    ),
    "vault_moved": Word(
        (409,),
        "The vault was moved to new keys; `vault_id` names the one that took its place.",
        "Ask for addresses and payments there. Send the request again with a new retry key.",
    ),
    "vault_move_invalid": Word((422,), "The move contradicts itself or what there is.", _FIX),
    "transfer_not_repeatable": Word(
        (422,), "The transfer named by `retry_of` may still pay, or did.", "Look at it first."
    ),
    "transaction_shared": Word(
        (409,),
        "Its transaction pays for others too, and can only be called off as a whole.",
        "Ask again with together=true to call all of them off, or leave it.",
    ),
    "transfer_not_cancellable": Word((409,), "It is too late, or it has ended.", _READ),
    "transfer_not_replaceable": Word(
        (409,),
        "What was sent is in a block already, was not sent yet, or is on a network where nothing "
        "that was sent can be replaced.",
        _READ,
    ),
    "transfer_not_under_way": Word((409,), "Its terms can't be raised in this state.", _READ),
    "transfer_not_awaiting_approval": Word((409,), "Nothing is to be decided any more.", _READ),
    "transfer_expired": Word((409,), "The terms have expired.", "Make a new transfer."),
    "mandate_offered": Word(
        (409,), "A later version of the terms waits for approval.", "Decide on that one first."
    ),
    "approval_exists": Word((409,), "The person has decided otherwise already.", _READ),
    "approver_is_initiator": Word((403,), "Who asks can't approve.", "Another person approves."),
    "approver_not_asked": Word((403,), "The policy does not ask this person.", _READ),
    "approval_signature_invalid": Word(
        (403,), "Not this person's signature of this verdict.", "Sign `approve_message` again."
    ),
    "alarm_not_open": Word((409,), "The alarm was cleared already.", "Nothing is to be done."),
    "deposit_credited": Word(
        (409,), "The deposit is credited, and can't be held any more.", "Freeze the vault."
    ),
    "deposit_not_quarantined": Word((409,), "Nobody holds the deposit.", _READ),
    "deposit_quarantined": Word((409,), "The deposit is held already.", "Nothing is to be done."),
    "deposit_reversed": Word((409,), "The deposit's block is gone.", "Nothing is to be done."),
    "quarantine_rule_ended": Word((409,), "The rule has ended already.", "Nothing is to be done."),
    "quarantine_rule_invalid": Word((422,), "The rule contradicts itself.", _FIX),
    "reconciliation_not_found": Word((404,), "No such reconciliation.", _LOOK),
    "quarantine_rule_not_found": Word((404,), "No such rule, or not for this key.", _LOOK),
    "gas_rule_invalid": Word((422,), "The rule contradicts itself or what there is.", _FIX),
    "coin_rule_invalid": Word((422,), "The rule contradicts itself or what there is.", _FIX),
    "sweep_rule_invalid": Word((422,), "The rule contradicts itself or what there is.", _FIX),
    "refill_rule_invalid": Word((422,), "The rule contradicts itself or what there is.", _FIX),
    "second_person_needed": Word(
        (403,),
        "Who held the deposit, or set the rule that did, can't release it.",
        "Another person releases it.",
    ),
    "contract_stopped": Word(
        (422,),
        "A call of the vault did more there than was agreed on; also what a call waits for.",
        "See `GET /v1/contract-stops`; an administrator lifts it.",
    ),
    "contract_stop_not_found": Word((404,), "No such stop, or not for this key.", _LOOK),
    "contract_stop_ended": Word((409,), "The stop was lifted already.", "Nothing is to be done."),
    "pause_not_found": Word((404,), "No such pause, or not for this key.", _LOOK),
    "pause_of_nothing": Word((422,), "A pause names neither a network nor a vault.", _FIX),
    "pause_ended": Word((409,), "The pause has ended already.", "Nothing is to be done."),
    "vault_not_frozen": Word((409,), "The vault is not frozen.", "Nothing is to be done."),
    "vault_still_differs": Word(
        (409,), "Ledger and chain differ still.", "See the runbook; or say `despite_difference`."
    ),
    "books_broken": Word((409,), "The ledger's sums are wrong.", "See the runbook."),
    "address_position_contended": Word((409,), "Many addresses are made at once.", _LATER),
    "cursor_unknown": Word((409,), "The feed has no such place.", "Begin at one that it gave."),
    "moment_ambiguous": Word(
        (422,), "A past balance is asked for by none or several of its moments.", _FIX
    ),
    "moment_not_past": Word((422,), "A balance of the future is asked for.", _FIX),
    "block_not_final": Word((409,), "The block may still be undone, or was not read.", "Wait."),
    "scopes_empty": Word((422,), "A key needs a scope.", _FIX),
    "initiator_invalid": Word((422,), "Not a name that a policy can hold.", _FIX),
}

COMMANDS: Final[Words] = {
    "account_taken": Word((), "The signer gave the account to another vault.", "See the runbook."),
    "block_not_stuck": Word((), "The follower does not stand at this block.", "Look at its state."),
    "change_invalid": Word((), "Change is no business of this network.", _FIX),
    "coins_unknown": Word((), "The vault has no such coins in suspense.", _FIX),
    "count_invalid": Word((), "A number out of its range.", _FIX),
    "height_invalid": Word((), "No block of this height can be meant.", _FIX),
    "journal_moved": Word((), "The signer signed while it was compared.", "Run it again."),
    "node_behind": Word((), "The node stands below what is compared.", "Wait for the node."),
    "rewind_outdated": Word((), "The chain moved on since it was shown.", "Run it again."),
    "signature_not_repeated": Word(
        (), "The signer did not say again what it said.", "See its log."
    ),
    "transaction_not_in_block": Word((), "The block has no such transaction.", _FIX),
}
