"""URIs of sources and sinks: `-`, a path or glob, `demo:…`, `nexmark:…`, each with `?option=value&…`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from streamsql.clock import Clock
from streamsql.connectors.base import Sink, Source
from streamsql.errors import ConnectorError, ErrorCode
from streamsql.schema import Schema

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)\Z", re.DOTALL)
#: A `?` before anything else belongs to a glob.
_QUERY = re.compile(r"\?([A-Za-z_][A-Za-z0-9_-]*=.*)?\Z", re.DOTALL)
_NOT_YET = ("kafka", "kinesis", "firehose", "lambda", "s3")
_SCHEMES = ("demo", "nexmark", "file")

_READ_OPTIONS = ("format", "rowtime", "follow", "header", "delimiter", "quote")
_WRITE_OPTIONS = ("format", "mode")
_STDIN_OPTIONS = ("format", "rowtime", "header", "delimiter", "quote")
_NAMED_CHARACTERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclass(frozen=True, slots=True)
class Uri:
    """The parts of a URI. `scheme` is empty for a path and for `-`."""

    text: str
    scheme: str
    path: str
    options: dict[str, str]

    def check(self, known: Iterable[str]) -> None:
        """Raises ConnectorError naming an option that is not `known`."""
        known = tuple(known)
        for name in self.options:
            if name not in known:
                raise ConnectorError(
                    ErrorCode.URI,
                    f'unknown option "{name}" in "{self.text}"',
                    hint=f"the options here are {', '.join(known)}",
                )

    def flag(self, name: str, default: bool) -> bool:
        """The value of a yes-or-no option."""
        value = self.options.get(name)
        if value is None:
            return default
        if value.lower() in ("true", "yes", "1"):
            return True
        if value.lower() in ("false", "no", "0"):
            return False
        raise ConnectorError(ErrorCode.URI, f'option {name} is true or false, got "{value}"')

    def character(self, name: str, default: str) -> str:
        """The value of an option that is one ASCII character (or its name: tab, comma, semicolon, pipe)."""
        value = self.options.get(name, default)
        value = _NAMED_CHARACTERS.get(value, value)
        if len(value) != 1 or not value.isascii() or value in "\r\n":
            raise ConnectorError(ErrorCode.URI, f'option {name} is one ASCII character, got "{value}"')
        return value

    def characters(self) -> tuple[str, str]:
        """The delimiter and the quote of CSV."""
        delimiter, quote = self.character("delimiter", ","), self.character("quote", '"')
        if delimiter == quote:
            raise ConnectorError(ErrorCode.URI, f'delimiter and quote are both "{quote}"')
        return delimiter, quote

    def text_format(self) -> str:
        """The format of standard input or output: json or csv."""
        value = self.options.get("format", "json")
        if value not in ("json", "csv"):
            raise ConnectorError(
                ErrorCode.URI, f'format "{value}" cannot be piped', hint="the formats here are json, csv"
            )
        return value


def parse_uri(text: str) -> Uri:
    """The parts of a URI; raises ConnectorError for an unknown scheme or a malformed or repeated option.

    >>> parse_uri("ticks.jsonl?rowtime=ts&follow=true").options
    {'rowtime': 'ts', 'follow': 'true'}
    """
    rest, options = text, {}
    query = _QUERY.search(text)
    if query is not None:
        rest = text[: query.start()]
        try:
            pairs = parse_qsl(query[1] or "", keep_blank_values=True, strict_parsing=bool(query[1]), errors="strict")
        except ValueError as error:
            raise ConnectorError(ErrorCode.URI, f'the options of "{text}" are not name=value&...') from error
        for name, value in pairs:
            if name in options:
                raise ConnectorError(ErrorCode.URI, f'option "{name}" is given twice in "{text}"')
            options[name] = value
    scheme = _SCHEME.match(rest)
    if scheme is None:
        if not rest:
            raise ConnectorError(ErrorCode.URI, f'"{text}" names no file')
        return Uri(text, "", rest, options)
    name = scheme[1].lower()
    if name in _NOT_YET:
        raise ConnectorError(
            ErrorCode.URI, f"{name} is not supported yet in this version", hint="use files, - or an embedding program"
        )
    if name not in _SCHEMES:
        raise ConnectorError(
            ErrorCode.URI,
            f'unknown scheme "{scheme[1]}" in "{text}"',
            hint=f"the schemes are {', '.join(f'{s}:' for s in _SCHEMES)}; a file whose name has a colon is ./{rest}",
        )
    path = scheme[2]
    if name == "file":
        return Uri(text, "", path.removeprefix("//"), options)
    return Uri(text, name, path, options)


def open_source(uri: str, schema: Schema | None, clock: Clock) -> Source:
    """The source a URI names. `schema` None means: inferred, or the source's own.

    Raises ConnectorError that says what is wrong with the URI, or that the source cannot be opened.
    """
    parts = parse_uri(uri)
    if parts.scheme == "demo":
        if parts.path != "stock-ticker":
            raise ConnectorError(
                ErrorCode.URI, f'there is no demo "{parts.path}"', hint="the demos are demo:stock-ticker"
            )
        from streamsql.connectors.demo import StockTickerSource

        return _with_schema(uri, StockTickerSource(parts.options, clock), schema)
    if parts.scheme == "nexmark":
        if parts.path:
            raise ConnectorError(ErrorCode.URI, f'nexmark: takes options only, got "{parts.path}"')
        from streamsql.connectors.nexmark import NexmarkSource

        return _with_schema(uri, NexmarkSource(parts.options), schema)
    parts.check(_STDIN_OPTIONS if parts.path == "-" else _READ_OPTIONS)
    delimiter, quote = parts.characters()
    has_header = parts.flag("header", True)
    rowtime = parts.options.get("rowtime")
    if parts.path == "-":
        from streamsql.connectors.stdio import StdinSource

        return StdinSource(
            schema,
            format=parts.text_format(),
            rowtime=rowtime,
            has_header=has_header,
            delimiter=delimiter,
            quote=quote,
        )
    from streamsql.connectors.file import FileOptions, FileSource

    options = FileOptions(
        format=parts.options.get("format"),
        rowtime=rowtime,
        follow=parts.flag("follow", False),
        has_header=has_header,
        delimiter=delimiter,
        quote=quote,
    )
    return FileSource(parts.path, schema, options)


def _with_schema(uri: str, source: Source, schema: Schema | None) -> Source:
    """A generator's columns are its own: a declared column must be one of them, with its type."""
    for column in schema or ():
        index = source.schema.index(column.name)
        if index is None or source.schema[index].type.arrow != column.type.arrow:
            raise ConnectorError(
                ErrorCode.SCHEMA, f'"{uri}" has no column {column.name} {column.type}', hint=f"it has {source.schema}"
            )
    return source


def open_sink(uri: str) -> Sink:
    """The sink a URI names: `-` or a file. Raises ConnectorError that says what is wrong with it."""
    parts = parse_uri(uri)
    if parts.scheme:
        raise ConnectorError(ErrorCode.URI, f'"{uri}" is a source, not a sink')
    if parts.path == "-":
        from streamsql.connectors.stdio import StdoutSink

        parts.check(("format",))
        return StdoutSink(parts.text_format())
    from streamsql.connectors.file_sink import FileSink

    parts.check(_WRITE_OPTIONS)
    return FileSink(parts.path, format=parts.options.get("format"), mode=parts.options.get("mode", "create"))
