"""What has broken others and is not written here: unpickling, code of text, shells, SQL of text, HTML."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    file
    for package in ("app", "ingest", "retrieval", "rerank", "generation")
    for file in (ROOT / package).rglob("*.py")
)
UNPICKLING = frozenset({"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"})
CODE_FROM_TEXT = frozenset({"eval", "exec", "compile", "__import__"})
SHELLS = frozenset({"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"})
LOADERS = frozenset({"torch.load", "yaml.load", "numpy.load", "np.load"})
NEVER = {
    "shell": True,
    "verify": False,
    "trust_remote_code": True,
    "allow_pickle": True,
    "weights_only": False,
}
CONSTANT = re.compile(r"_?[A-Z][A-Z_0-9]*")
EXECUTES = frozenset({"execute", "executemany", "executescript"})

MARKS, OWN = "question marks, one for each value", "a literal of this file"
MAY_IMPORT = {
    "app/storage/chroma_files.py": "reads Chroma's table of ids with an unpickler that knows no class",
}
SQL_OF_TEXT: dict[str, dict[str, str]] = {
    "app/storage/answers.py": {"marks": MARKS, "where": OWN},
    "app/storage/assistants.py": {"where": OWN},
    "app/storage/chunks.py": {"marks": MARKS},
    "app/storage/collections.py": {"where": OWN},
    "app/storage/conversations.py": {"' '.join(sql)": "conditions that are literals of the method"},
    "app/storage/database.py": {
        "name": "names of tables, from SQLite's own list",
        "number": "counts the program's own migrations",
        "pragma": "of a list in the line above",
        "round(self._busy_s * 1000)": "a number",
        "round(within_s * 1000)": "a number",
    },
    "app/storage/documents.py": {"unversioned": OWN, "where": OWN, "which": "a literal of the caller"},
    "app/storage/golden.py": {"where": OWN},
    "app/storage/job_leases.py": {"sets": "names of the fields of a dataclass", "which": OWN},
    "app/storage/jobs.py": {"where": OWN},
    "app/storage/messages.py": {"marks": MARKS},
    "app/storage/sessions.py": {"where": OWN},
    "app/storage/shelf.py": {
        "', '.join(names)": "names of columns, from SQLite's own list",
        "', '.join(terms)": "the same, or literals of the method",
        "table": OWN,
    },
    "app/storage/snapshot.py": {"table": "of a list of this file"},
    "app/storage/snippets.py": {"where": OWN},
    "app/storage/staging.py": {"unheld": OWN},
    "app/storage/survey.py": {"table": "from SQLite's own list"},
    "app/storage/token_ids.py": {"marks": MARKS},
    "retrieval/postings_store.py": {"where": OWN},
}
"""What is put into SQL besides constants of the file, and why nobody else's words can be in it."""


def _name(node: ast.AST) -> str:
    """A dotted name as it is written, "" for anything else."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, attribute):
            return f"{_name(value)}.{attribute}"
    return ""


def _faults(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from (
                    (node.lineno, f"imports {each.name}")
                    for each in names
                    if each.name.split(".")[0] in UNPICKLING
                )
            case ast.ImportFrom(module) if module and module.split(".")[0] in UNPICKLING:
                yield node.lineno, f"imports {module}"
            case ast.Call(function, arguments, keywords):
                called = _name(function)
                if called in CODE_FROM_TEXT | SHELLS | LOADERS:
                    yield node.lineno, f"calls {called}"
                for keyword in keywords:
                    if keyword.arg in NEVER and getattr(keyword.value, "value", None) is NEVER[keyword.arg]:
                        yield node.lineno, f"passes {keyword.arg}={NEVER[keyword.arg]}"
                method = function.attr if isinstance(function, ast.Attribute) else ""
                if method in EXECUTES and arguments:
                    yield from ((node.lineno, f"puts {part} into SQL") for part in _parts(arguments[0]))


def _parts(sql: ast.AST) -> Iterator[str]:
    """What is put into a statement, but for constants: names in capitals, which nothing assigns anew."""
    match sql:
        case ast.JoinedStr(values):
            for value in values:
                if isinstance(value, ast.FormattedValue) and not CONSTANT.fullmatch(ast.unparse(value.value)):
                    yield ast.unparse(value.value)
        case ast.Constant() | ast.Name() | ast.Attribute():
            return  # a name: a constant, or a statement read from a file of the package
        case _:
            yield ast.unparse(sql)


def _found(text: str) -> list[str]:
    return [fault for _, fault in _faults(ast.parse(text))]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("import pickle", "imports pickle"),
        ("from joblib import load", "imports joblib"),
        ("eval(x)", "calls eval"),
        ("os.system(x)", "calls os.system"),
        ("torch.load(x)", "calls torch.load"),
        ("run(x, shell=True)", "passes shell=True"),
        ("get(x, verify=False)", "passes verify=False"),
        ("load(x, trust_remote_code=True)", "passes trust_remote_code=True"),
        ("c.execute(f'SELECT {x}')", "puts x into SQL"),
        ("c.execute('SELECT ' + x)", "puts 'SELECT ' + x into SQL"),
        ("c.execute('SELECT %s' % x)", "puts 'SELECT %s' % x into SQL"),
        ("c.execute('SELECT {}'.format(x))", "puts 'SELECT {}'.format(x) into SQL"),
    ],
)
def test_the_gate_finds_what_it_looks_for(text: str, fault: str) -> None:
    assert _found(text) == [fault]


@pytest.mark.parametrize(
    "text", ["c.execute('SELECT ?', (x,))", "load(x, trust_remote_code=False)", "run([x], shell=False)"]
)
def test_the_gate_lets_the_right_way_through(text: str) -> None:
    assert _found(text) == []


def test_no_source_file_does_any_of_it() -> None:
    found: dict[str, list[str]] = {}
    for file in SOURCES:
        name = file.relative_to(ROOT).as_posix()
        for line, fault in _faults(ast.parse(file.read_text(encoding="utf-8"))):
            if fault == "imports pickle" and name in MAY_IMPORT:
                continue
            part = fault.removeprefix("puts ").removesuffix(" into SQL")
            if part != fault and part in SQL_OF_TEXT.get(name, {}):
                continue
            found.setdefault(name, []).append(f"{line}: {fault}")
    assert found == {}


def test_every_exception_is_still_needed() -> None:
    faults = {name: _found((ROOT / name).read_text("utf-8")) for name in (*SQL_OF_TEXT, *MAY_IMPORT)}
    unneeded = [
        f"{name}: {part}"
        for name, parts in SQL_OF_TEXT.items()
        for part in parts
        if f"puts {part} into SQL" not in faults[name]
    ]
    assert unneeded == []
    assert all("imports pickle" in faults[name] for name in MAY_IMPORT)


def test_own_scripts_make_no_markup_and_no_code_of_text() -> None:
    forbidden = re.compile(
        r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|srcdoc|document\.write|new Function|setHTMLUnsafe)\b"
        r"|(?<![\w.])eval\("
    )
    scripts = [
        file for file in (ROOT / "app/web/static").rglob("*.js") if "vendor" not in file.parts
    ]
    assert scripts
    found = {
        file.name: sorted(set(forbidden.findall(text)))
        for file in scripts
        if forbidden.search(text := file.read_text(encoding="utf-8"))
    }
    assert found == {}


def test_no_template_says_that_text_is_safe() -> None:
    templates = [*(ROOT / "app/web/templates").rglob("*"), *(ROOT / "generation/templates").rglob("*")]
    unsafe = re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(")
    files = [file for file in templates if file.is_file()]
    assert len(files) > 10
    assert [file.name for file in (*files, *SOURCES) if unsafe.search(file.read_text("utf-8"))] == []
