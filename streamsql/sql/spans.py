"""Where things are in the SQL text: from tokens to spans, and the names people are likely to have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sqlglot import Token

from streamsql.errors import Span


def token_span(token: Token) -> Span:
    """The characters of one token; sqlglot's `end` is that of the last character."""
    return Span(token.start, token.end + 1)


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """A hint naming the candidate closest to `name` whatever its case, or None when nothing is close."""
    names = sorted(set(candidates))
    for candidate in names:
        if candidate.upper() == name.upper():
            return f'input columns keep their case: write "{candidate}"'
    folded = {candidate.upper(): candidate for candidate in names}
    close = get_close_matches(name.upper(), list(folded), n=1, cutoff=0.6)
    if not close:
        return None
    meant = folded[close[0]]
    return f"did you mean {meant}?" if meant == meant.upper() and " " not in meant else f'did you mean "{meant}"?'
