"""LIKE and SIMILAR TO patterns as regular expressions in RE2 syntax (language reference §5.4).

Both match whole strings by code point; `_` and `%` match any character, line ends included. The regular expressions are
made of escapes, groups, alternation, repetition and explicit character sets only, so Python's `re` reads them the same.
"""

from __future__ import annotations

import re

_MAX_CODE_POINT = 0x10FFFF
#: Code points that are no characters (surrogates) stay out of negated sets.
_SURROGATES = (0xD800, 0xDFFF)
_SIMILAR_SPECIAL = frozenset("_%()[]|*+?{}")
#: RE2 refuses more than 1000 copies of one expression.
_MAX_REPEAT = 1000

Ranges = list[tuple[int, int]]


class PatternError(ValueError):
    """The pattern is not one; the message says why."""


def _check_escape(escape: str | None) -> None:
    if escape is not None and len(escape) != 1:
        raise PatternError("the escape must be one character")


def like_parts(pattern: str, escape: str | None) -> list[str | None]:
    """The pattern as literal texts and, as single characters, its wildcards: `%` is None, `_` is the empty string."""
    _check_escape(escape)
    parts: list[str | None] = []
    text: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            following = next(characters, None)
            if following is None or (following not in "_%" and following != escape):
                raise PatternError(f"the escape character {escape!r} stands before neither _, % nor itself")
            text.append(following)
        elif character in "_%":
            if text:
                parts.append("".join(text))
                text = []
            parts.append(None if character == "%" else "")
        else:
            text.append(character)
    if text:
        parts.append("".join(text))
    return parts


def like_regex(pattern: str, escape: str | None = None) -> str:
    """The regular expression for a LIKE pattern; raises PatternError."""
    body = "".join(
        ".*" if part is None else "." if part == "" else _quote(part) for part in like_parts(pattern, escape)
    )
    return f"(?s)^(?:{body})$"


def _quote(text: str) -> str:
    return re.sub(r"([\\.^$*+?()\[\]{}|\-])", r"\\\1", text)


def similar_regex(pattern: str, escape: str | None = None) -> str:
    """The regular expression for a SIMILAR TO pattern; raises PatternError."""
    _check_escape(escape)
    parser = _Similar(pattern, escape)
    body = parser.alternation()
    if parser.position < len(pattern):
        raise PatternError(f"unexpected {pattern[parser.position]!r} at position {parser.position + 1}")
    return f"(?s)^(?:{body})$"


class _Similar:
    """A recursive-descent reader of one SIMILAR TO pattern."""

    def __init__(self, pattern: str, escape: str | None) -> None:
        self.pattern = pattern
        self.escape = escape
        self.position = 0

    def peek(self) -> str:
        return self.pattern[self.position] if self.position < len(self.pattern) else ""

    def take(self) -> str:
        character = self.peek()
        self.position += 1
        return character

    def escaped(self) -> str:
        """The character after an escape, which must be a special one or the escape itself."""
        character = self.take()
        if not character or (character not in _SIMILAR_SPECIAL and character not in (self.escape, "-", "^")):
            raise PatternError(f"the escape character {self.escape!r} does not stand before a special character")
        return character

    def alternation(self) -> str:
        branches = [self.sequence()]
        while self.peek() == "|":
            self.take()
            branches.append(self.sequence())
        return "|".join(branches)

    def sequence(self) -> str:
        parts = []
        while (character := self.peek()) and character not in "|)":
            parts.append(self.repetition())
        return "".join(parts)

    def repetition(self) -> str:
        part = self.atom()
        while (character := self.peek()) and character in "*+?{":
            self.take()
            part = f"(?:{part}){self.bounds() if character == '{' else character}"
        return part

    def bounds(self) -> str:
        match = re.compile(r"(\d+)(?:(,)(\d*))?\}").match(self.pattern, self.position)
        if match is None:
            raise PatternError("a repetition is {n}, {n,} or {n,m}")
        self.position = match.end()
        least = int(match[1])
        most = int(match[3]) if match[3] else least
        if most < least or most > _MAX_REPEAT:
            raise PatternError(f"a repetition is from n to m, at most {_MAX_REPEAT}")
        if match[2] is None:
            return f"{{{least}}}"
        return f"{{{least},{most if match[3] else ''}}}"

    def atom(self) -> str:
        character = self.take()
        if character == self.escape:
            return _quote(self.escaped())
        if character == "%":
            return "(?:.*)"
        if character == "_":
            return "."
        if character == "(":
            inner = self.alternation()
            if self.take() != ")":
                raise PatternError("a group is not closed")
            return f"(?:{inner})"
        if character == "[":
            return self.character_set()
        if character in "])}*+?{":
            raise PatternError(f"unexpected {character!r} at position {self.position}")
        return _quote(character)

    def character_set(self) -> str:
        included = self.members()
        if self.peek() == "^":
            self.take()
            excluded = self.members()
            if not excluded:
                raise PatternError("a character set excludes nothing")
            ranges = _subtract(included or _everything(), excluded)
        elif included:
            ranges = _subtract(included, [])
        else:
            raise PatternError("a character set is empty")
        if self.take() != "]":
            raise PatternError("a character set is not closed")
        return _render(ranges)

    def members(self) -> Ranges:
        """Ranges up to `^` or `]`."""
        ranges: Ranges = []
        while (character := self.peek()) and character not in "^]":
            if self.pattern.startswith("[:", self.position):
                ranges.extend(self.named_class())
                continue
            low = self.member()
            if self.peek() == "-" and self.pattern[self.position + 1 : self.position + 2] not in ("]", "^", ""):
                self.take()
                high = self.member()
                if high < low:
                    raise PatternError("a character range runs backwards")
                ranges.append((low, high))
            else:
                ranges.append((low, low))
        return ranges

    def member(self) -> int:
        character = self.take()
        if character == self.escape:
            return ord(self.escaped())
        if character in "()[":
            raise PatternError(f"{character!r} inside brackets needs an escape")
        return ord(character)

    def named_class(self) -> Ranges:
        end = self.pattern.find(":]", self.position)
        name = self.pattern[self.position + 2 : end].upper() if end >= 0 else ""
        if name not in _CLASSES:
            raise PatternError(f"the character classes are {', '.join(f'[:{known}:]' for known in _CLASSES)}")
        self.position = end + 2
        return _CLASSES[name]


_UPPER: Ranges = [(ord("A"), ord("Z"))]
_LOWER: Ranges = [(ord("a"), ord("z"))]
_DIGIT: Ranges = [(ord("0"), ord("9"))]
_CLASSES: dict[str, Ranges] = {
    "ALPHA": _UPPER + _LOWER,
    "UPPER": _UPPER,
    "LOWER": _LOWER,
    "DIGIT": _DIGIT,
    "ALNUM": _UPPER + _LOWER + _DIGIT,
    "SPACE": [(0x20, 0x20)],
    "WHITESPACE": [(0x09, 0x0D), (0x20, 0x20)],
}


def _everything() -> Ranges:
    return [(0, _SURROGATES[0] - 1), (_SURROGATES[1] + 1, _MAX_CODE_POINT)]


def _subtract(included: Ranges, excluded: Ranges) -> Ranges:
    """The code points of `included` that are not in `excluded`, as sorted ranges that neither touch nor overlap."""
    merged: Ranges = []
    for low, high in sorted(included):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    for cut_low, cut_high in excluded:
        merged = [
            piece
            for low, high in merged
            for piece in ((low, min(high, cut_low - 1)), (max(low, cut_high + 1), high))
            if piece[0] <= piece[1]
        ]
        merged = sorted(set(merged))
    return merged


def _render(ranges: Ranges) -> str:
    if not ranges:
        return r"[^\x00-\x{10FFFF}]"
    members = (_code_point(low) if low == high else f"{_code_point(low)}-{_code_point(high)}" for low, high in ranges)
    return f"[{''.join(members)}]"


def _code_point(value: int) -> str:
    return f"\\x{{{value:X}}}"
