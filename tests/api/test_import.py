import os
import subprocess
import sys

import pytest

import streamsql


def fresh(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}).stdout  # fmt: skip


def test_importing_loads_nothing_heavy():
    heavy = ("sqlglot", "typer", "rich", "pandas", "polars", "asyncio", "pyarrow")
    code = f"import sys, streamsql; print([name for name in {heavy!r} if name in sys.modules])"
    assert fresh(code) == "[]\n"


def test_the_engine_loads_no_frames():
    code = "import sys, streamsql; streamsql.Application; print([n for n in ('pandas', 'polars') if n in sys.modules])"
    assert fresh(code) == "[]\n"


def test_the_compiler_loads_no_frames():
    code = """import sys
from streamsql.columns import parse_columns
from streamsql.plan.explain import explain
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql
sql = "SELECT A * 2.5, 1 + 1 FROM S WHERE A > 10 AND B LIKE 'a%'"
explain(compile_sql(sql, dialect=Dialect.STREAMSQL, inputs={'S': parse_columns('A DOUBLE, B VARCHAR(4)')}))
print([name for name in ('pandas', 'polars') if name in sys.modules])"""
    assert fresh(code) == "[]\n"


def test_a_finite_run_loads_no_frames_and_no_terminal():
    code = """import sys, streamsql
streamsql.query('SELECT A FROM S', {'S': [{'A': 1}]})
print([name for name in ('polars', 'typer', 'rich') if name in sys.modules])"""
    assert fresh(code) == "[]\n"


@pytest.mark.parametrize("name", streamsql.__all__)
def test_public_names_exist(name):
    assert getattr(streamsql, name) is not None
    assert name in dir(streamsql)


def test_other_names_do_not():
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = streamsql.nope
