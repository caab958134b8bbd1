"""No assertion of ours is reachable by what a caller sends.

An assertion says that its author made a mistake. In code that a request runs through, the bytes of
a stranger could be that mistake: there a documented error belongs, which is a refusal. So every
assertion in a module that a request can reach stands in this list, with why it can't fail.
"""

import ast
from pathlib import Path

import pytest

from tests.architecture.test_signer_purity import modules_after_import
from tests.support.sources import parsed

ROOT = Path(__file__).resolve().parents[2]

ALLOWED = {
    "chains.assets:Amount.decimal": "custody's display; the signer shows no amounts",
    "signer.policy.basis:_support": "a rule that was filtered for having a grant",
    "chains.bitcoin.address:AddressFormat.derive": "our own keys have 33 bytes",
    "chains.bitcoin.codec:_signing_input": "an input without address is unexplained before",
    "chains.bitcoin.sighash:SignatureHashes.__init__": "one spent output was read per input",
    "chains.contracts.described:_moved": "the row's reader has looked what its arguments are",
    "chains.contracts.described:plain": "a reader of commands has inputs, which its row says",
    "chains.contracts.described:value_at": "a path that the row's reader has followed",
    "chains.contracts.nested:_commanded": "types that the row's reader has checked",
    "chains.contracts.nested:_each": "the row's reader has looked what its arguments are",
    "chains.contracts.nested:_handed": "the row's reader has looked what its arguments are",
    "chains.contracts.nested:_unpacked": "the row's reader has looked what its arguments are",
    "chains.evm.address:spell": "asked of 20 bytes: of a hash, or by a reader that has counted",
    "chains.evm.erc20:contract_of": "who builds asks it, of a token that is listed",
    "chains.networks:Finality.__post_init__": "made by the reader of rows, which has looked",
    "chains.networks:Network.text": "asked for what the family's schema requires",
    "chains.networks:Network.number": "asked for what the family's schema requires",
    "chains.solana.spl:mint_of": "who builds asks it, of a token that is listed",
    "chains.solana.nonce:seed": "an index that was found in the list of all",
    "chains.transaction:TransferIntent.payments": "who builds asks it; the signer has no intents",
    "chains.tron.address:to_text": "asked of the bytes just before",
    "signer.canonical:format_time": "our own clock's and parsed times have a zone and no fraction",
    "signer.case:Case.retried": "a set is recorded whole, in one transaction of the journal",
    "signer.curves:sign_bip340_taproot": "a digest made by a codec",
    "signer.curves:sign_ecdsa_recoverable": "a digest made by a codec",
    "signer.journal:Journal._append": "the one transaction of a call is open, and only one",
    "signer.journal:Journal.skip_past": "recovery, an operator's command",
    "signer.journal:Journal.transaction": "the one transaction of a call is open, and only one",
    "signer.keychain:Keychain.account_key": "refused before for other kinds of keys",
    "signer.keychain:OwnKey.sign": "messages of our own making",
    "signer.keystore:replace": "a ceremony writes it, with a seed that it made",
}


def assertions(module: str) -> set[str]:
    """`module:function` of every assertion in it."""
    path = ROOT / Path(*module.split("."))
    source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    tree = parsed(source.relative_to(ROOT).as_posix())
    found: set[str] = set()

    def walk(node: ast.AST, names: tuple[str, ...]) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = (*names, node.name)
        if isinstance(node, ast.Assert):
            found.add(f"{module}:{'.'.join(names)}")
        if isinstance(node, ast.Raise) and "AssertionError" in ast.dump(node):
            found.add(f"{module}:{'.'.join(names)}")
        for child in ast.iter_child_nodes(node):
            walk(child, names)

    walk(tree, ())
    return found


@pytest.fixture(scope="module")
def reachable(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every module of ours that is loaded where requests are answered."""
    loaded = modules_after_import("signer.endpoint", tmp_path_factory.mktemp("home"))
    return {name for name in loaded if name.partition(".")[0] in ("chains", "signer")}


def test_every_assertion_that_a_request_could_meet_is_known(reachable: set[str]) -> None:
    assert {"signer.service", "signer.accounts", "chains.tron.codec"} <= reachable
    found = {place for module in reachable for place in assertions(module)}
    unknown = sorted(found - ALLOWED.keys())
    assert not unknown, "raise a documented error, or say in ALLOWED why it can't fail"
    assert sorted(ALLOWED.keys() - found) == [], "no longer there"
