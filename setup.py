"""Extension modules of streamsql; everything else about the build is in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# STREAMSQL_DEBUG=1 turns on bounds checks, overflow checks and assertions in the compiled core.
DEBUG = os.environ.get("STREAMSQL_DEBUG") == "1"
# STREAMSQL_SANITIZE=1 builds with AddressSanitizer and UndefinedBehaviorSanitizer (run with libasan preloaded).
SANITIZE = ["-fsanitize=address,undefined"] if os.environ.get("STREAMSQL_SANITIZE") == "1" else []
JOBS = os.cpu_count() or 1

CORE = Path("streamsql/_core")

# The guard matters: where multiprocessing does not fork (macOS, Python 3.14), cythonize's workers import this file.
if __name__ == "__main__":
    optimise = "-O1" if DEBUG or SANITIZE else "-O3"
    # Debug information is nine tenths of a wheel and of no use in one.
    debug_info = "-g" if DEBUG or SANITIZE else "-g0"
    extensions = [
        Extension(
            f"streamsql._core.{source.stem}",
            [source.as_posix()],
            include_dirs=[CORE.as_posix()],
            depends=[header.as_posix() for header in CORE.glob("*.h")],
            extra_compile_args=[debug_info, optimise, "-Wall", "-Wno-unused-function", *SANITIZE],
            extra_link_args=SANITIZE,
        )
        for source in sorted(CORE.glob("*.pyx"))
    ]
    setup(
        ext_modules=cythonize(
            extensions,
            nthreads=JOBS,
            compiler_directives={
                "language_level": 3,
                "boundscheck": DEBUG,
                "wraparound": False,
                "initializedcheck": DEBUG,
                "cdivision": True,
                "embedsignature": True,
                "binding": True,
            },
        ),
        options={"build_ext": {"parallel": JOBS}},
    )
