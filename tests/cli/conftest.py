import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TICKS = '{"TICKER": "AAA", "PRICE": 1.5}\nnot json\n{"TICKER": "BBB", "PRICE": 2.5}\n'
WINDOWS = """\
CREATE STREAM "TOTALS" (TICKER VARCHAR(4), N INTEGER);
CREATE PUMP "P" AS INSERT INTO "TOTALS"
SELECT STREAM TICKER, COUNT(*) FROM "TICKS" GROUP BY TICKER, STEP("TICKS".ROWTIME BY INTERVAL '1' SECOND);
CREATE STREAM "PRICES" (PRICE DOUBLE);
CREATE PUMP "Q" AS INSERT INTO "PRICES" SELECT STREAM PRICE FROM "TICKS";
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of ticks, of which one line is broken, and two applications."""
    (tmp_path / "ticks.jsonl").write_text(TICKS)
    (tmp_path / "prices.sql").write_text("SELECT TICKER, PRICE * 2 AS DOUBLED FROM TICKS;")
    (tmp_path / "windows.sql").write_text(WINDOWS)
    return tmp_path


def command(*arguments: str) -> list[str]:
    """The command line of a process that runs this tree's streamsql."""
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from streamsql.__main__ import main; main()"
    return [sys.executable, "-c", start, *arguments]


@pytest.fixture
def streamsql(folder: Path) -> Run:
    """Runs a command in the folder, with stdout and stderr as pipes."""

    def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command(*arguments), cwd=folder, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    return run
