"""String functions (function reference §2). Positions and lengths count code points from 1."""

from __future__ import annotations

from streamsql.errors import ErrorCode, Span
from streamsql.expr.functions.spec import Args, FunctionSpec, Resolver, SignatureError, call, cannot_apply, cast_to
from streamsql.expr.nodes import Expr, Literal
from streamsql.types import INTEGER, SqlType, TypeKind, varchar

TRIM_MODES = ("BOTH", "LEADING", "TRAILING")


def _typed(name: str, args: Args, shape: str) -> Args:
    """The arguments checked against `shape`, one letter each: s for a string, i for an integer (cast to INTEGER)."""
    typed = []
    for arg, wanted in zip(args, shape, strict=False):
        if arg.type.kind is TypeKind.NULL:
            typed.append(cast_to(arg, varchar(1) if wanted == "s" else INTEGER))
        elif wanted == "s" and arg.type.is_string:
            typed.append(arg)
        elif wanted == "i" and arg.type.is_integer:
            typed.append(cast_to(arg, INTEGER))
        else:
            raise cannot_apply(name, args)
    return tuple(typed)


def _varying(sql_type: SqlType) -> SqlType:
    return varchar(max(1, sql_type.length or 0))


def _same_type(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        typed = _typed(name, args, "s")
        return call(name, typed, typed[0].type, span)

    return resolve


def _char_length(args: Args, span: Span | None) -> Expr:
    return call("CHAR_LENGTH", _typed("CHAR_LENGTH", args, "s"), INTEGER, span)


def _position(args: Args, span: Span | None) -> Expr:
    return call("POSITION", _typed("POSITION", args, "ss"), INTEGER, span)


def _substring(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        typed = _typed(name, args, "sii")
        return call(name, typed, _varying(typed[0].type), span)

    return resolve


def _overlay(args: Args, span: Span | None) -> Expr:
    typed = _typed("OVERLAY", args, "ssii")
    return call("OVERLAY", typed, varchar((typed[0].type.length or 1) + (typed[1].type.length or 0)), span)


def _trim(args: Args, span: Span | None) -> Expr:
    mode = args[0]
    if not isinstance(mode, Literal) or mode.value not in TRIM_MODES:
        raise SignatureError(ErrorCode.LITERAL, f"the first argument of TRIM is a literal: {', '.join(TRIM_MODES)}")
    typed = _typed("TRIM", args[1:], "ss")
    return call("TRIM", (mode, *typed), _varying(typed[1].type), span)


def _function(
    name: str,
    arity: tuple[int, int],
    resolve: Resolver,
    signatures: tuple[str, ...],
    doc: str,
    example: str,
    aliases: tuple[str, ...] = (),
) -> FunctionSpec:
    return FunctionSpec(
        name,
        "scalar",
        arity,
        signatures,
        doc,
        example,
        resolve=resolve,
        aliases=aliases,
    )


SPECS = (
    _function(
        "CHAR_LENGTH",
        (1, 1),
        _char_length,
        ("CHAR_LENGTH(string)",),
        "The number of characters; the trailing blanks of a CHAR count.",
        "CHAR_LENGTH('a b ')",
        ("CHARACTER_LENGTH",),
    ),
    _function(
        "UPPER",
        (1, 1),
        _same_type("UPPER"),
        ("UPPER(string)",),
        "The string in upper case (full Unicode mapping, no locale).",
        "UPPER('aß')",
    ),
    _function(
        "LOWER",
        (1, 1),
        _same_type("LOWER"),
        ("LOWER(string)",),
        "The string in lower case (full Unicode mapping, no locale).",
        "LOWER('ÀB c')",
    ),
    _function(
        "INITCAP",
        (1, 1),
        _same_type("INITCAP"),
        ("INITCAP(string)",),
        "The first character of each word in upper case, the others in lower case; only blanks separate words.",
        "INITCAP('stream sql ENGINE')",
    ),
    _function(
        "POSITION",
        (2, 2),
        _position,
        ("POSITION(string IN string)",),
        "Where the first string first occurs in the second; 0 when it does not, 1 when it is empty.",
        "POSITION('eam' IN 'upstream')",
    ),
    _function(
        "SUBSTRING",
        (2, 3),
        _substring("SUBSTRING"),
        ("SUBSTRING(string, start)", "SUBSTRING(string, start, length)"),
        "Part of the string. A start before 1 shortens the length; a start beyond the end gives NULL; a negative "
        "length is a row error.",
        "SUBSTRING('streamsql', 7)",
    ),
    _function(
        "SUBSTRING FROM",
        (2, 3),
        _substring("SUBSTRING FROM"),
        ("SUBSTRING(string FROM start)", "SUBSTRING(string FROM start FOR length)"),
        "Part of the string, as SUBSTRING with commas, except that a start beyond the end gives an empty string.",
        "SUBSTRING('streamsql' FROM 7)",
    ),
    _function(
        "TRIM",
        (3, 3),
        _trim,
        ("TRIM([BOTH | LEADING | TRAILING] [character] FROM string)", "TRIM(string)"),
        "The string without the blanks (or the given character) at its ends. Not exactly one character is a row error.",
        "TRIM(LEADING '0' FROM '000120')",
    ),
    _function(
        "OVERLAY",
        (3, 4),
        _overlay,
        ("OVERLAY(string PLACING string FROM start [FOR length])",),
        "The first string with `length` characters (default: those of the second string) from `start` replaced by the "
        "second; a negative length is a row error.",
        "OVERLAY('abcdef' PLACING 'XY' FROM 3)",
    ),
)
