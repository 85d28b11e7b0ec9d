"""What import-linter cannot see: no clock, environment, network or output below `runtime`."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import provenance

PACKAGE = Path(provenance.__file__).parent
OUTSIDE = {"bulk", "cli", "service", "runtime"}
LOWER = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0] not in OUTSIDE and path.name != "schema_documents.py"
)
ALL = sorted(PACKAGE.rglob("*.py"))

# What is excused, and why.
EXCUSED = {
    # The command itself, as `cli/main.py` is: its exit status is all that it does.
    "__main__.py": ["calls sys.exit"],
    # An exception cannot cross native code: it is kept, and raised on the other side.
    "credentials/engine_signing.py": ["catches everything"],
}

# A module that reads the clock, the environment or the network, or writes to a person.
FORBIDDEN_IMPORTS = {
    "socket",
    "ssl",
    "http",
    "urllib",
    "requests",
    "logging",
    "subprocess",
    "random",
}
FORBIDDEN_CALLS = {
    "print",
    "input",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.monotonic",
    "os.getenv",
    "os.environ.get",
    "sys.exit",
    "breakpoint",
}


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


# Inside a forbidden package, and nothing but text.
HARMLESS = {"urllib.parse"}


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def catches_everything(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    if node.type is not None and name_of(node.type) not in {"Exception", "BaseException"}:
        return False
    last = node.body[-1]
    return not (isinstance(last, ast.Raise) and last.exc is None)


def offences(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        for module in imported(node):
            if module.split(".")[0] in FORBIDDEN_IMPORTS and module not in HARMLESS:
                yield f"imports {module}"
        if isinstance(node, ast.Call) and name_of(node.func) in FORBIDDEN_CALLS:
            yield f"calls {name_of(node.func)}"
        if isinstance(node, ast.Attribute) and name_of(node) == "os.environ":
            yield "reads os.environ"
        if catches_everything(node):
            yield "catches everything"


@pytest.mark.parametrize("path", LOWER, ids=[str(p.relative_to(PACKAGE)) for p in LOWER])
def test_lower_layers_touch_nothing_outside(path: Path) -> None:
    assert list(offences(path)) == EXCUSED.get(path.relative_to(PACKAGE).as_posix(), [])


def test_the_scan_sees_an_offence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import socket\nfrom datetime import datetime\nx = datetime.now()\nprint(x)\n"
        "try:\n    pass\nexcept Exception:\n    pass\n",
        "utf-8",
    )
    assert len(list(offences(bad))) == 4


@pytest.mark.parametrize("path", ALL, ids=[str(p.relative_to(PACKAGE)) for p in ALL])
def test_every_module_says_what_it_is_for_in_one_line(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert docstring, "no docstring"
    assert docstring.splitlines()[0].rstrip().endswith((".", "?")), docstring.splitlines()[0]


def test_public_names_are_few_and_real() -> None:
    assert len(provenance.__all__) <= 20
    for name in provenance.__all__:
        assert getattr(provenance, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = provenance.no_such_name


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import json, sys, provenance\n"
        "heavy = ('c2pa', 'cryptography', 'pydantic', 'PIL', 'pyhanko_certvalidator')\n"
        "print(json.dumps([m for m in heavy if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == []
