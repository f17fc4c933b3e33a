"""Every example in README.md and docs/ runs, and the generated pages are current.

A fenced block is tried by its language: `python` is executed (the blocks of one page share their names), `sql` is
compiled, the lines of `console` that begin with `$ streamsql` are run. An HTML comment `<!-- example: ... -->` just
before a block says what it needs: `file=NAME` (the block is written to that file for the page's later examples),
`inputs="NAME=COLUMNS; ..."` and `dialect=...` for SQL, `exit=N` for a command, or `skip="reason"`.
"""

import contextlib
import io
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from streamsql.columns import parse_columns
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"(?:<!-- example: (?P<marks>.*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)


class Example(NamedTuple):
    """One fenced block: where it is, its language, its marks and its text."""

    page: Path
    line: int
    language: str
    marks: dict[str, str]
    text: str


def examples(page: Path) -> list[Example]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        marks = dict(mark.split("=", 1) for mark in shlex.split(match["marks"] or ""))
        line = text.count("\n", 0, match.start()) + 1
        found.append(Example(page, line, match["language"], marks, match["text"]))
    return found


def try_python(example: Example, names: dict[str, Any]) -> None:
    code = compile("\n" * example.line + example.text, str(example.page), "exec")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)


def try_sql(example: Example) -> None:
    inputs = {}
    for item in filter(None, (part.strip() for part in example.marks.get("inputs", "").split(";"))):
        name, columns = item.split("=", 1)
        inputs[name] = parse_columns(columns)
    dialect = Dialect(example.marks.get("dialect", "kinesis"))
    compile_sql(example.text, dialect=dialect, inputs=inputs, name=f"{example.page.name}:{example.line}")


def try_console(example: Example, folder: Path) -> None:
    commands = [line[2:] for line in example.text.replace("\\\n", " ").split("\n") if line.startswith("$ ")]
    assert commands, f"{example.page.name}:{example.line}: a console block shows commands with $"
    for command in commands:
        assert command.startswith(("streamsql ", "cat ", "echo ", "printf ")), f"cannot try {command!r}"
        script = f'streamsql() {{ "{sys.executable}" -m streamsql "$@"; }}\n{command}'
        done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)
        wanted = int(example.marks.get("exit", "0"))
        assert done.returncode == wanted, f"{command!r} exited with {done.returncode}: {done.stderr}"
        if "output" in example.marks:
            shown = "\n".join(line for line in example.text.split("\n") if not line.startswith("$ ")).strip()
            assert done.stdout.strip() == shown or done.stderr.strip() == shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    names: dict[str, Any] = {"__name__": "__example__"}
    for example in examples(page):
        if "file" in example.marks:
            (tmp_path / example.marks["file"]).write_text(example.text, encoding="utf-8")
        if "skip" in example.marks:
            assert example.marks["skip"], f"{page.name}:{example.line}: say why the example is skipped"
        elif example.language == "python":
            try_python(example, names)
        elif example.language == "sql":
            try_sql(example)
        elif example.language == "console":
            try_console(example, tmp_path)
        else:
            assert example.language in ("text", "json", "sh", "csv"), f"{page.name}:{example.line}: name the language"


def test_the_generated_pages_are_current() -> None:
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"), run_name="generate")
    assert generate["stale"](write=False) == [], "run python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
