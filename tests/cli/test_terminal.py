"""What a terminal shows, and the prompt with typed keys."""

from pathlib import Path

import pyarrow as pa
import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from streamsql.cli.options import DialectName
from streamsql.cli.prompt import ask, make_prompt
from streamsql.cli.session import SqlSession
from streamsql.cli.views import FirstRows, Rate, StreamView, rows_per_view, screen

BATCH = pa.record_batch({"K": ["a", "b", "a"], "X": [1.0, 2.0, None]})


def drawn(view: StreamView) -> str:
    view.open(BATCH.schema)
    view.write(BATCH)
    console = Console(width=60, force_terminal=False, record=True)
    console.print(screen([view], lambda now: "the status")())
    return console.export_text()


def test_the_last_rows_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = drawn(StreamView("S", limit=2))
    assert "S  3 rows" in text
    assert "1.00" not in text
    assert "2.00" in text
    assert "-" in text
    assert text.rstrip().endswith("the status")


def test_the_last_row_of_each_key_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    view = StreamView("S", key="K")
    drawn(view)
    assert view.latest() == [("a", None), ("b", 2.0)]


def test_the_first_rows_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    view = FirstRows("S", limit=1)
    drawn(view)
    view.write(BATCH)
    assert view.latest() == [("a", 1.0)]


def test_a_rate_is_of_the_last_seconds() -> None:
    rate = Rate(seconds=2.0)
    assert rate.reading(0, 10.0) == 0.0
    assert rate.reading(100, 11.0) == 100.0
    assert rate.reading(100, 12.0) == 50.0
    assert rate.reading(100, 14.0) == 0.0


def test_three_tables_fit_on_a_small_terminal() -> None:
    rows = rows_per_view(Console(width=80, height=24), 3)
    assert 3 * (rows + 3) + 1 <= 24


def test_what_is_typed_is_answered(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    session = SqlSession({"TICKS": "ticks.jsonl"}, {}, DialectName.STREAMSQL, 20)
    with create_pipe_input() as keys:
        keys.send_text("SELECT TICKER\rFROM TICKS WHERE PRICE > 2;\r")
        keys.send_text("SELECT NOTHING FROM TICKS;\r")
        keys.send_text("\\limit 1\r\\quit\r")
        ask(session, make_prompt(session, terminal_in=keys, terminal_out=DummyOutput()))
    out, err = capfd.readouterr()
    assert '"TICKER":"BBB"' in out
    assert 'column "NOTHING" not found' in err
    assert session.limit == 1
    assert session.is_over


def test_names_of_inputs_columns_and_streams_are_completed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    session = SqlSession({"TICKS": "ticks.jsonl"}, {}, DialectName.STREAMSQL, 20)
    session.execute("CREATE STREAM S2 (A INTEGER)")
    assert {"TICKS", "TICKER", "PRICE", "S2", "A"} <= set(session.words())
    session.execute("\\reset")
    assert "S2" not in session.words()
