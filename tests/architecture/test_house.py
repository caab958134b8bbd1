"""House rules that no other tool knows, each with a message that names the replacement.

A rule is a function from a file to complaints. Every rule is also shown a file that breaks it,
so that a rule which has stopped looking is noticed.
"""

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.sources import nodes, parsed

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "chains", "custody", "signer", "verifier")
TOP_LEVEL = {*PACKAGES, "docker", "docs", "tests"}

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 80

# Spelled in two parts, so that this file does not break its own rules.
REGISTRY_HOSTS = re.compile(
    r"(py"
    r"pi\.org|python"
    r"hosted\.org|npm"
    r"js\.(org|com)|yarn"
    r"pkg\.com|deb"
    r"ian\.org|crates"
    r"\.io|golang"
    r"\.org|doc"
    r"ker\.io|gh"
    r"cr\.io|qu"
    r"ay\.io)"
)
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
DURATION = re.compile(
    r"second|timeout|delay|interval|clock|wait|backoff|deadline|latency|period|pause|patience|age"
)

MONEY_MODULES = re.compile(
    r"^chains/(model|[a-z]+/(build|codec))\.py$"
    r"|^custody/(ledger|transactions|transfers|deposits|approvals|reconcile)/"
    r"|^signer/(policy/\w+|mandate)\.py$"
)
GENERATED = re.compile(r"_pb2\.pyi?$|/migrations/|^tests/vectors/")
QUERY_MODULES = re.compile(r"^custody/db/|(^|[/_])repository\.py$|^(tests|docker)/")
COMMAND_LINE = re.compile(
    r"(^|/)(cli|cli/.*|ceremonies/.*|__main__|openapi)\.py$|^chains/devnet/|^tests/"
)

Complaints = Iterator[str]


def project_files() -> list[str]:
    """Tracked and untracked files that are not ignored, relative to the project."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return sorted(name for name in listed.stdout.split("\0") if (ROOT / name).is_file())
    skipped = {".venv", ".cache", ".git", "node_modules", "__pycache__"}
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return sorted(str(path) for path in paths if not skipped & set(path.parts))


FILES = project_files()
PYTHON_FILES = [name for name in FILES if name.endswith(".py") and not GENERATED.search(name)]
PYTHON_LOCKS = [name for name in FILES if re.match(r"docker/requirements/\w+\.txt$", name)]
NPM_LOCKS = [name for name in FILES if name.endswith("package-lock.json")]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


# Rules over text: (name, text) -> complaints


def no_registry_host(name: str, text: str) -> Complaints:
    for number, line in enumerate(text.splitlines(), 1):
        if REGISTRY_HOSTS.search(line):
            yield f"{name}:{number} names a registry host: say which registry in words"


def no_machine_path(name: str, text: str) -> Complaints:
    own = [re.escape(f"{folder}/") for folder in (ROOT, Path.home()) if len(folder.parts) > 1]
    machine_path = re.compile("|".join([*own, r"(?<![\w.$}])/(root|work|Users/\w+)/"]))
    for number, line in enumerate(text.splitlines(), 1):
        if machine_path.search(line):
            yield f"{name}:{number} has a path of one machine: use a path relative to the project"


def nothing_unfinished(name: str, text: str) -> Complaints:
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"{name}:{number} marks unfinished work: finish it or file it in the tracker"


def short_file(name: str, text: str) -> Complaints:
    lines = len(text.splitlines())
    if lines >= FILE_LINES_MAX:
        yield f"{name} has {lines} lines: split it by noun, below {FILE_LINES_MAX}"


# Rules over syntax: (name, tree) -> complaints


def short_functions(name: str, tree: ast.Module) -> Complaints:
    for node in nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines >= FUNCTION_LINES_MAX:
                yield f"{name}:{node.lineno} {node.name} has {lines} lines: extract its steps"


def no_print(name: str, tree: ast.Module) -> Complaints:
    if COMMAND_LINE.search(name):
        return
    for call in _calls(tree, "print"):
        yield f"{name}:{call.lineno} prints: use structlog, or a command line module"


def no_naive_time(name: str, tree: ast.Module) -> Complaints:
    for node in nodes(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        holder = ast.unparse(node.func.value)
        if holder not in ("datetime", "datetime.datetime", "dt.datetime"):
            continue
        naive_now = node.func.attr == "now" and not node.args and not node.keywords
        if naive_now or node.func.attr in ("utcnow", "utcfromtimestamp"):
            yield f"{name}:{node.lineno} has no time zone: use datetime.now(UTC)"


def no_unimplemented(name: str, tree: ast.Module) -> Complaints:
    for node in nodes(tree):
        if not isinstance(node, ast.Raise) or node.exc is None:
            continue
        if ast.unparse(node.exc).startswith("NotImplementedError"):
            yield f"{name}:{node.lineno} is a stub: use a Protocol for what others implement"


def no_float_money(name: str, tree: ast.Module) -> Complaints:
    """`float` is for durations, and says so in the name that it annotates."""
    if not name.startswith(PACKAGES) or name.startswith("chains/devnet/"):
        return
    for call in _calls(tree, "float"):
        yield f"{name}:{call.lineno} converts to float: use int base units, or Decimal at the edge"
    for line, label, annotation in _annotations(tree):
        has_float = any(isinstance(n, ast.Name) and n.id == "float" for n in ast.walk(annotation))
        if has_float and not DURATION.search(label.lower()):
            yield (
                f"{name}:{line} {label} is a float: amounts are int base units;"
                " a duration is named so, like timeout or delay_seconds"
            )


def no_true_division(name: str, tree: ast.Module) -> Complaints:
    if not MONEY_MODULES.search(name):
        return
    for node in nodes(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield f"{name}:{node.lineno} divides with /: use // or divmod on base units"
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"{name}:{node.lineno} has the float {node.value}: use an integer and a scale"


def queries_in_repositories(name: str, tree: ast.Module) -> Complaints:
    """Who can't import the words of SQL can't build a statement. Errors are everybody's."""
    if QUERY_MODULES.search(name):
        return
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            if module.split(".")[0] == "sqlalchemy" and module != "sqlalchemy.exc":
                yield (
                    f"{name}:{node.lineno} imports {module}: put the query into the"
                    " repository.py of its folder, under a name that says what it answers"
                )


def _calls(tree: ast.Module, function: str) -> Iterator[ast.Call]:
    for node in nodes(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function:
            yield node


def _annotations(tree: ast.Module) -> Iterator[tuple[int, str, ast.expr]]:
    for node in nodes(tree):
        if isinstance(node, ast.arg) and node.annotation:
            yield node.lineno, node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign):
            yield node.lineno, ast.unparse(node.target), node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            yield node.lineno, node.name, node.returns


TextRule = Callable[[str, str], Complaints]
SyntaxRule = Callable[[str, ast.Module], Complaints]

TEXT_RULES: list[TextRule] = [no_registry_host, no_machine_path, nothing_unfinished]
SYNTAX_RULES: list[SyntaxRule] = [
    short_functions,
    no_print,
    no_naive_time,
    no_unimplemented,
    no_float_money,
    no_true_division,
    queries_in_repositories,
]


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps(rule: TextRule):
    # Hashes and recorded vectors are other people's text; a word in them means nothing.
    names = FILES if rule is no_registry_host else [n for n in FILES if not _is_recorded(n)]
    assert [complaint for name in names for complaint in rule(name, read(name))] == []


@pytest.mark.parametrize("rule", SYNTAX_RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps(rule: SyntaxRule):
    assert [complaint for name in PYTHON_FILES for complaint in rule(name, parsed(name))] == []


def test_modules_are_short():
    assert [c for name in PYTHON_FILES for c in short_file(name, read(name))] == []


def _is_recorded(name: str) -> bool:
    return name in PYTHON_LOCKS or name in NPM_LOCKS or name.startswith("tests/vectors/")


def test_the_top_level_folders_are_those_of_the_design():
    folders = {name.split("/")[0] for name in FILES if "/" in name and not name.startswith(".")}
    assert folders <= TOP_LEVEL


# What is locked


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Package name with its marker -> (version, hashes)."""
    entries: dict[str, tuple[str, list[str]]] = {}
    for entry in re.split(r"\n(?=\S)", read(name).strip()):
        head, _, tail = entry.partition(" \\")
        package, version = head.split("==", 1)
        version, _, marker = version.partition(" ; ")
        entries[f"{package};{marker}"] = (version, re.findall(r"--hash=sha256:[0-9a-f]{64}", tail))
    return entries


def test_there_are_locks_to_check():
    assert {Path(name).stem for name in PYTHON_LOCKS} == {"custody", "dev", "signer"}
    assert len(NPM_LOCKS) == 3


@pytest.mark.parametrize("name", PYTHON_LOCKS)
def test_python_locks_have_hashes_and_no_address(name: str):
    assert "://" not in read(name)
    assert [package for package, (_, hashes) in locked(name).items() if not hashes] == []


@pytest.mark.parametrize("name", NPM_LOCKS)
def test_npm_locks_have_integrity_and_no_address(name: str):
    assert "://" not in read(name)
    packages = json.loads(read(name))["packages"]
    assert [path for path, entry in packages.items() if path and "integrity" not in entry] == []


def versions(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key, (version, _) in locked(f"docker/requirements/{lock}.txt").items():
        found.setdefault(key.split(";")[0], set()).add(version)
    return found


@pytest.mark.parametrize("lock", ["custody", "signer"])
def test_images_run_the_versions_that_were_tested(lock: str):
    tested = versions("dev")
    assert {n: v for n, v in versions(lock).items() if not v <= tested.get(n, set())} == {}


def test_every_declared_dependency_is_locked():
    declared = tomllib.loads(read("pyproject.toml"))
    groups = declared["dependency-groups"]
    for lock, wanted in {
        "custody": declared["project"]["dependencies"],
        "signer": groups["signer"],
        "dev": [item for item in groups["dev"] if isinstance(item, str)],
    }.items():
        names = {re.split(r"[\s\[<>=;]", item)[0] for item in wanted}
        assert names - set(versions(lock)) == set(), f"run make locks: {lock}"


# Each rule sees a breach


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (no_registry_host, "see https://py" + "pi.org/project/x"),
        (no_registry_host, '"resolved": "https://registry.npm' + 'js.org/x"'),
        (no_registry_host, "deb http://ftp.deb" + "ian.org/ sid main"),
        (no_machine_path, f"open('{ROOT}/x')"),
        (no_machine_path, "cd /" + "root/.config"),
        (nothing_unfinished, "# TO" + "DO: later"),
        (short_file, "x = 1\n" * FILE_LINES_MAX),
    ],
)
def test_a_text_rule_sees_a_breach(rule: TextRule, text: str):
    assert len(list(rule("custody/x.py", text))) == 1


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (short_functions, "api/x.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX),
        (no_print, "custody/x.py", "print(1)"),
        (no_naive_time, "custody/x.py", "datetime.now()"),
        (no_naive_time, "custody/x.py", "datetime.datetime.utcnow()"),
        (no_unimplemented, "signer/x.py", "raise NotImplementedError"),
        (no_float_money, "custody/x.py", "amount = float(text)"),
        (no_float_money, "chains/bitcoin/rpc.py", "def f(fee_rate: float | None): ..."),
        (no_float_money, "custody/x.py", "class A:\n    amount: dict[str, float]"),
        (no_float_money, "api/x.py", "def balance() -> float: ..."),
        (no_true_division, "custody/ledger/model.py", "x = amount / 2"),
        (no_true_division, "chains/evm/build.py", "x /= 2"),
        (no_true_division, "signer/policy/evaluate.py", "x = 1e18"),
        (queries_in_repositories, "custody/ledger/service.py", "from sqlalchemy import select"),
        (queries_in_repositories, "api/health.py", "import sqlalchemy as sa"),
        (queries_in_repositories, "custody/x.py", "from sqlalchemy.orm import aliased"),
    ],
)
def test_a_syntax_rule_sees_a_breach(rule: SyntaxRule, name: str, source: str):
    assert len(list(rule(name, ast.parse(source)))) == 1


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (no_print, "custody/cli.py", "print(1)"),
        (no_naive_time, "custody/x.py", "datetime.now(UTC)"),
        (no_float_money, "custody/x.py", "def f(timeout: float, every_seconds: float): ..."),
        (no_true_division, "signer/keystore.py", "path = folder / name"),
        (queries_in_repositories, "custody/x/repository.py", "from sqlalchemy import select"),
        (queries_in_repositories, "custody/x/chain_repository.py", "import sqlalchemy"),
        (queries_in_repositories, "api/x.py", "from sqlalchemy.exc import IntegrityError"),
    ],
)
def test_a_syntax_rule_leaves_the_replacement_alone(rule: SyntaxRule, name: str, source: str):
    assert list(rule(name, ast.parse(source))) == []
