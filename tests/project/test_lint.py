"""ruff, cython-lint, mypy --strict and stubtest find nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILED = sorted(p.stem for p in (ROOT / "streamsql" / "_core").glob("*.pyx"))


def check(*arguments: str) -> None:
    """Run a tool as a module in the root of the tree; its whole output is the message of a failure."""
    # cython-lint calls pycodestyle by name: the tools of this environment come first.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{arguments[0]} exited with {done.returncode}\n{done.stdout}{done.stderr}"


def test_ruff() -> None:
    check("ruff", "check", "--no-fix", "streamsql", "tests", "docs", "setup.py")


def test_cython_lint() -> None:
    sources = sorted((ROOT / "streamsql").rglob("*.p[yx][xd]"))
    check("cython_lint.cython_lint", "--max-line-length=120", *map(str, sources))


def test_mypy() -> None:
    check("mypy", "--strict")


def test_every_compiled_module_has_its_declarations() -> None:
    core = ROOT / "streamsql" / "_core"
    assert [stem for stem in COMPILED if not (core / f"{stem}.pyi").exists()] == []


@pytest.mark.slow
def test_stubs_agree_with_the_compiled_modules() -> None:
    check(
        "mypy.stubtest",
        "--concise",
        "--mypy-config-file=pyproject.toml",
        "--ignore-disjoint-bases",
        "--allowlist",
        str(Path(__file__).with_name("stubtest-allowlist.txt")),
        *(f"streamsql._core.{stem}" for stem in COMPILED),
    )
