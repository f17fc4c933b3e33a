"""String functions on columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from streamsql._core import text
from streamsql.expr.kernels.interface import Bind, Constants, Kernel, Result, plain
from streamsql.expr.nodes import Call

#: Where the characters live whose upper case is more than one character.
_UPPER_RANGES = ((0xDF, 0xE0), (0x149, 0x14A), (0x1F0, 0x1F1), (0x390, 0x3B1), (0x587, 0x588), (0x1E96, 0x1E9B),
                 (0x1F50, 0x1FFD), (0xFB00, 0xFB18))  # fmt: skip


def _special(mapping: Callable[[str], str], ranges: tuple[tuple[int, int], ...]) -> dict[str, str]:
    """The characters that a one-to-one case mapping gets wrong, with what they become."""
    characters = (chr(c) for low, high in ranges for c in range(low, high))
    return {c: mapping(c) for c in characters if len(mapping(c)) > 1}


def _case_kernel(special: dict[str, str], convert: Callable[[pa.Array], pa.Array]) -> Kernel:
    """Full case mapping: the few characters that grow are replaced first, then the simple mapping does the rest."""
    anywhere = f"[{''.join(special)}]"

    def kernel(array: pa.Array) -> Result:
        if pc.any(pc.match_substring_regex(array, anywhere)).as_py():
            for character, mapped in special.items():
                array = pc.replace_substring(array, character, mapped)
        return convert(array), None

    return kernel


def bind_upper(call: Call, constants: Constants) -> Kernel:
    """UPPER with full Unicode mapping ('ß' becomes 'SS')."""
    return _case_kernel(_special(str.upper, _UPPER_RANGES), pc.utf8_upper)


def bind_lower(call: Call, constants: Constants) -> Kernel:
    """LOWER with full Unicode mapping."""
    return _case_kernel(_special(str.lower, ((0x130, 0x131),)), pc.utf8_lower)


def bind_initcap(call: Call, constants: Constants) -> Kernel:
    """INITCAP: one-to-one mapping, words are separated by blanks only."""
    return plain(lambda array: text.initcap(pc.utf8_lower(array), pc.utf8_upper(array)))


def bind_char_length(call: Call, constants: Constants) -> Kernel:
    """CHAR_LENGTH."""
    return plain(text.char_lengths)


def _operands(constants: Constants, arrays: tuple[pa.Array, ...]) -> list[Any]:
    """The arguments in order: the value of a constant, else the next column."""
    columns = iter(arrays)
    return [next(columns) if constant is None else constant.value for constant in constants]


def _bind_text(function: Callable[..., Result], count: int) -> Bind:
    """A core function of `count` operands, the last of which may be left out."""

    def bind(call: Call, constants: Constants) -> Kernel:
        missing = [None] * (count - len(constants))
        return lambda *arrays: function(*_operands(constants, arrays), *missing)

    return bind


def bind_trim(call: Call, constants: Constants) -> Kernel:
    """TRIM(mode, character, string)."""
    mode = constants[0].value if constants[0] is not None else "BOTH"
    leading, trailing = mode != "TRAILING", mode != "LEADING"
    def kernel(*arrays: pa.Array) -> Result:
        characters, string = _operands(constants[1:], arrays)
        return text.trim(characters, string, leading, trailing)

    return kernel


BINDS: dict[str, Bind] = {
    "UPPER": bind_upper,
    "LOWER": bind_lower,
    "INITCAP": bind_initcap,
    "CHAR_LENGTH": bind_char_length,
    "POSITION": _bind_text(text.position, 2),
    "SUBSTRING": _bind_text(lambda s, p, n: text.substring(s, p, n, True), 3),
    "SUBSTRING FROM": _bind_text(lambda s, p, n: text.substring(s, p, n, False), 3),
    "OVERLAY": _bind_text(text.overlay, 4),
    "TRIM": bind_trim,
}
