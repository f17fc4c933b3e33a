"""Commands in pipes: what is on stdout, what on stderr, and the exit code."""

import json
from pathlib import Path

from tests.cli.conftest import Run

PRICES = [
    {"ROWTIME": "1970-01-01 00:00:00.000", "TICKER": "AAA", "DOUBLED": 3.0},
    {"ROWTIME": "1970-01-01 00:00:00.001", "TICKER": "BBB", "DOUBLED": 5.0},
]


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_run_writes_json_lines_and_nothing_else(streamsql: Run) -> None:
    done = streamsql("run", "prices.sql", "--input", "TICKS=ticks.jsonl")
    assert done.returncode == 0
    assert lines(done.stdout) == PRICES
    assert "1 row went to error_stream (1 PARSE_ERROR)" in done.stderr
    assert "ticks.jsonl line 2" in done.stderr


def test_run_reads_sql_and_rows_from_stdin(streamsql: Run, folder: Path) -> None:
    ticks = (folder / "ticks.jsonl").read_text()
    assert lines(streamsql("run", "prices.sql", "--input", "TICKS=-", stdin=ticks).stdout) == PRICES
    sql = (folder / "prices.sql").read_text()
    assert lines(streamsql("run", "-", "--input", "TICKS=ticks.jsonl", stdin=sql).stdout) == PRICES


def test_several_streams_on_stdout_are_named_in_each_line(streamsql: Run) -> None:
    done = streamsql("run", "windows.sql", "--input", "TICKS=ticks.jsonl", "--checks", "--max-batch-rows", "1")
    assert done.returncode == 0, done.stderr
    rows = lines(done.stdout)
    assert all(next(iter(row)) == "stream" for row in rows)
    assert [row["PRICE"] for row in rows if row["stream"] == "PRICES"] == [1.5, 2.5]
    assert {row["TICKER"]: row["N"] for row in rows if row["stream"] == "TOTALS"} == {"AAA": 1, "BBB": 1}


def test_chosen_outputs_go_where_they_are_sent(streamsql: Run, folder: Path) -> None:
    done = streamsql(
        "run", "windows.sql", "-i", "TICKS=ticks.jsonl", "-o", "TOTALS=totals.jsonl", "-o", "PRICES",
        "--errors", "bad.jsonl",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [row["PRICE"] for row in lines(done.stdout)] == [1.5, 2.5]
    assert len(lines((folder / "totals.jsonl").read_text())) == 2
    (bad,) = lines((folder / "bad.jsonl").read_text())
    assert bad["ERROR_NAME"] == "PARSE_ERROR"
    assert bytes.fromhex(str(bad["DATA_ROW"])) == b"not json"


def test_a_refusal_is_drawn_on_stderr_and_exits_with_2(streamsql: Run, folder: Path) -> None:
    (folder / "wrong.sql").write_text("SELECT TICKR,\n  NOFUNC(PRICE) FROM TICKS;")
    for name in ("run", "check", "explain"):
        done = streamsql(name, "wrong.sql", "--input", "TICKS=ticks.jsonl")
        assert done.returncode == 2
        assert done.stdout == ""
        assert "error[S2001]" in done.stderr
        assert "--> wrong.sql:1:8" in done.stderr
        assert "^^^^^" in done.stderr
        assert "wrong.sql:2:3" in done.stderr


def test_usage_errors_exit_with_2(streamsql: Run) -> None:
    for arguments in (
        ("run", "prices.sql"),
        ("run", "prices.sql", "--input", "TICKS"),
        ("run", "prices.sql", "--input", "TICKS=ticks.jsonl", "--input", "TICKS=ticks.jsonl"),
        ("run", "prices.sql", "--input", "TICKS=kafka://host/topic"),
        ("run", "prices.sql", "--input", "TICKS=ticks.jsonl", "--output", "NONE"),
        ("run", "absent.sql", "--input", "TICKS=ticks.jsonl"),
        ("run", "template.yaml", "--input", "TICKS=ticks.jsonl"),
    ):
        done = streamsql(*arguments)
        assert done.returncode == 2, arguments
        assert done.stdout == ""
        assert done.stderr


def test_a_source_that_cannot_be_opened_exits_with_1(streamsql: Run) -> None:
    done = streamsql("run", "prices.sql", "--input", "TICKS=absent.jsonl")
    assert done.returncode == 1
    assert "absent.jsonl" in done.stderr


def test_check_lists_streams_pumps_and_state(streamsql: Run) -> None:
    schema = ("--schema", "TICKS=TICKER VARCHAR(4), PRICE DOUBLE")
    done = streamsql("check", "windows.sql", "--dialect", "kinesis", *schema)
    assert done.returncode == 0, done.stderr
    for part in ("windows.sql: can run (kinesis dialect)", "TOTALS  (TICKER VARCHAR(4), N INTEGER)  output",
                 "P  -> TOTALS", "tumble_aggregate  keys of the open window  (pump P)"):  # fmt: skip
        assert part in done.stdout


def test_explain_prints_the_plan(streamsql: Run) -> None:
    done = streamsql("explain", "windows.sql", "--schema", "TICKS=TICKER VARCHAR(4), PRICE DOUBLE")
    assert done.returncode == 0
    assert "tumble_aggregate" in done.stdout


def test_a_growing_file_ends_with_the_duration(streamsql: Run) -> None:
    done = streamsql("run", "prices.sql", "--input", "TICKS=ticks.jsonl?follow=true", "--duration", "0.2")
    assert done.returncode == 0
    assert [row["DOUBLED"] for row in lines(done.stdout)] == [3.0, 5.0]


def test_the_demo_shows_all_three_windows_and_ends(streamsql: Run) -> None:
    done = streamsql("demo", "--seconds", "1", "--rate", "200")
    assert done.returncode == 0, done.stderr
    rows = lines(done.stdout)
    assert {row["stream"] for row in rows} == {"TUMBLING", "SLIDING", "STAGGER"}
    sliding = [row for row in rows if row["stream"] == "SLIDING"]
    counted = sum(int(str(row["TRADES"])) for row in rows if row["stream"] == "TUMBLING")
    assert len(sliding) == counted


def test_statements_can_be_piped_into_the_prompt(streamsql: Run) -> None:
    script = """
    -- a stream; and a query over it
    CREATE STREAM "HIGH" (TICKER VARCHAR(4));
    CREATE PUMP "P" AS INSERT INTO "HIGH" SELECT STREAM TICKER FROM TICKS WHERE PRICE > 2;
    \\tables
    SELECT TICKER || ';' AS T FROM "HIGH"
    """
    done = streamsql("sql", "--input", "TICKS=ticks.jsonl", stdin=script)
    assert done.returncode == 0, done.stderr
    assert "HIGH   stream  (TICKER VARCHAR(4))" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["T"] == "BBB;"
    done = streamsql("sql", "--input", "TICKS=ticks.jsonl", stdin="SELECT NONE FROM TICKS; SELECT 1 AS A FROM TICKS;")
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_limit_ends_a_query_over_a_live_stream(streamsql: Run) -> None:
    done = streamsql("sql", "--limit", "3", stdin="SELECT PRICE FROM SOURCE_SQL_STREAM_001")
    assert done.returncode == 0, done.stderr
    assert len(lines(done.stdout)) == 3
