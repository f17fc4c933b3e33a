"""The tree is fit to be packaged: what is tested is what is here, nothing is missing, nothing names one machine."""

import fnmatch
import importlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "streamsql"
COMPILED = sorted(p.stem for p in (PACKAGE / "_core").glob("*.pyx"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked() -> list[Path]:
    """The files of the tree: those git knows, or all of an unpacked source distribution."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip("not a git work tree")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("stem", COMPILED)
def test_the_compiled_module_under_test_is_the_one_of_this_tree(stem: str) -> None:
    module = importlib.import_module(f"streamsql._core.{stem}")
    binary = Path(str(module.__file__))
    assert binary.parent == PACKAGE / "_core", f"{binary} is not of this tree; build it with `pip install -e .`"
    newest = max(p.stat().st_mtime for p in (PACKAGE / "_core").glob(f"{stem}.p[yx][xd]"))
    assert binary.stat().st_mtime >= newest, f"{binary.name} is older than its source; build it again"


def test_every_file_of_the_package_is_packaged() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    built = {".py", ".pyx"}
    for path in tracked():
        if PACKAGE in path.parents and path.suffix not in built:
            package = ".".join(path.parent.relative_to(ROOT).parts)
            assert any(fnmatch.fnmatch(path.name, pattern) for pattern in data.get(package, [])), (
                f"{path.relative_to(ROOT)} is not in [tool.setuptools.package-data]"
            )
    manifest = (ROOT / "MANIFEST.in").read_text(encoding="utf-8")
    for suffix in {p.suffix for p in tracked() if PACKAGE in p.parents} - {".py"}:
        assert ("py.typed" if suffix == ".typed" else f"*{suffix}") in manifest, f"MANIFEST.in lacks {suffix}"
    for folder in PACKAGE.rglob("*"):
        if folder.is_dir() and any(folder.glob("*.py")):
            assert (folder / "__init__.py").exists(), f"{folder.relative_to(ROOT)} has no __init__.py"


def test_no_file_names_a_folder_of_one_machine() -> None:
    # Spelled in pieces, so that this file does not find itself.
    pattern = re.compile(rb"(?<![\w.$}])/(?:home|root|Users|" + rb"work|opt/" + rb"venv)/\w+")
    for path in tracked():
        if path.suffix not in (".png", ".parquet", ".arrow", ".gz", ".zst"):
            found = pattern.search(path.read_bytes())
            assert found is None, f"{path.relative_to(ROOT)} has an absolute path: {found[0]!r}"


def test_text_files_are_tidy() -> None:
    for path in tracked():
        if path.suffix in (".py", ".pyx", ".pxd", ".pyi", ".h", ".md", ".toml", ".sql") or path.name == "Makefile":
            text = path.read_bytes().decode("utf-8")
            assert "\r" not in text, f"{path.relative_to(ROOT)} has carriage returns"
            assert not text or text.endswith("\n"), f"{path.relative_to(ROOT)} does not end with a new line"


def test_the_changelog_has_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {PROJECT['project']['version']}" in changelog


def test_the_typing_marker_is_there() -> None:
    assert (PACKAGE / "py.typed").read_text() == ""
