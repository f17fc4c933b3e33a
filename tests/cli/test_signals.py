"""Ctrl-C, SIGTERM and a closed pipe end a live run in order, with everything read delivered."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import command

LIVE = ("run", "live.sql", "--input", "TICKS=demo:stock-ticker?rate=200")


@pytest.fixture
def live(folder: Path) -> "subprocess.Popen[str]":
    """A running application whose first row has come out."""
    (folder / "live.sql").write_text("SELECT TICKER_SYMBOL, PRICE FROM TICKS;")
    process = subprocess.Popen(
        command(*LIVE), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["TICKER_SYMBOL"]
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_drains(live: "subprocess.Popen[str]", number: signal.Signals, code: int) -> None:
    live.send_signal(number)
    out, err = live.communicate(timeout=30)
    assert live.returncode == code
    assert err == ""
    rows = [json.loads(line) for line in out.splitlines()]
    assert all(set(row) == {"ROWTIME", "TICKER_SYMBOL", "PRICE"} for row in rows)


def test_a_reader_that_goes_away_ends_the_run_quietly(live: "subprocess.Popen[str]") -> None:
    assert live.stdout is not None
    assert live.stderr is not None
    live.stdout.close()
    assert live.wait(timeout=30) == 141
    assert live.stderr.read() == ""
    live.stderr.close()
