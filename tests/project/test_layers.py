"""Imports point down: which part of the package may import which (the table in docs/architecture.md)."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "streamsql"
BASE = {"errors", "types", "schema", "columns", "clock", "spec"}
ENGINE = {"expr", "plan", "_core", "connectors", "operators"}

#: Part of the package -> the parts it may import (its own always).
MAY_IMPORT: dict[str, set[str]] = {
    "_core": {"errors"},
    "expr": BASE | {"_core"},
    "plan": BASE | {"expr"},
    "sql": BASE | {"expr", "plan"},
    "connectors": BASE | {"_core"},
    "operators": BASE | ENGINE,
    "runtime": BASE | ENGINE,
    "app": BASE | ENGINE | {"runtime", "sql"},
    "testing": BASE | ENGINE | {"runtime", "sql", "app", "__init__"},
    "cli": BASE | ENGINE | {"runtime", "sql", "app", "__init__"},
    "__init__": BASE | {"app"},
    "__main__": {"cli"},
} | dict.fromkeys(BASE, BASE)

#: Libraries that only one part of the package may know.
OWNERS = {"sqlglot": "sql", "typer": "cli", "rich": "cli", "prompt_toolkit": "cli", "pygments": "cli"}


def imports(path: Path) -> Iterator[str]:
    """The dotted names of the modules a file imports, wherever in the file; cimports of .pyx and .pxd files too."""
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.relative_to(ROOT)}: relative import; write the whole name"
                yield from (
                    f"{node.module}.{alias.name}" if node.module == "streamsql" else str(node.module)
                    for alias in node.names
                )
    else:
        for match in re.finditer(r"^\s*(?:from|cimport|import)\s+([\w.]+)", path.read_text(encoding="utf-8"), re.M):
            yield match[1]


def part_of(path: Path) -> str:
    """The part of the package a file belongs to: a folder, or a module at the top."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".pyx", ".pxd") and part_of(p) != "__pycache__")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    part = part_of(path)
    assert part in MAY_IMPORT, f"{part} is not in the table of layers in {Path(__file__).name} (see style 2)"
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "streamsql":
            target = rest.partition(".")[0] or "__init__"
            if target not in MAY_IMPORT:  # `from streamsql import run`: a public name, not a module
                target = "__init__"
            allowed = target == part or target in MAY_IMPORT[part]
            assert allowed, f"{path.relative_to(ROOT)}: {part}/ must not import {target}/ (see style 2)"
        elif top in OWNERS:
            assert part == OWNERS[top], f"{path.relative_to(ROOT)}: only {OWNERS[top]}/ may import {top} (see style 2)"
        elif part in BASE:
            assert top in sys.stdlib_module_names | {"pyarrow"}, f"{part}.py must not import {top} (see style 2)"


def test_the_walk_finds_a_wrong_import(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("def f():\n    from streamsql.sql.bind import bind\n    import streamsql.app\n")
    assert list(imports(file)) == ["streamsql.sql.bind", "streamsql.app"]
