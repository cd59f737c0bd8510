"""Where in an author's file a place in the rendered query is.

SQLMesh renders macros, names and aliases anew, so lines do not agree. Both texts are read as words,
and the longest runs of words that they share are laid on one another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from sqlglot import TokenType, tokenize
from sqlglot.errors import TokenError
from sqlglot.tokens import Token

DIALECT = "bigquery"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; `column` is None when only the line is known, `line` when neither is."""

    line: int | None = None
    column: int | None = None


def locate(author: str, rendered: str, line: int | None, column: int | None) -> Place:
    """Return the place in ``author`` of the word at a place in ``rendered``.

    What a macro wrote has no place of its own: then it is the line of the word before it.
    """
    words = _words(rendered)
    index = _index(rendered, words, line, column)
    if index is None:
        return Place(_first_line(author, ""))
    known = _query_words(author)
    if not known:
        return Place(_first_line(author, words[index].text))
    return _laid_on(author, known, words, index)


def place_of(author: str, word: str) -> Place:
    """Return where a word stands last in the query: a column is named at the end of its expression."""
    found = [each for each in _query_words(author) if _key(each) == word.upper()]
    return _place(author, found[-1]) if found else Place(_first_line(author, word))


def cast_operators(author: str) -> list[Place]:
    """Return where an author wrote ``::``, which SQLGlot understands and GoogleSQL does not."""
    found = [each for each in _query_words(author) if each.token_type == TokenType.DCOLON]
    return [_place(author, each) for each in found]


def _laid_on(author: str, known: list[Token], words: list[Token], index: int) -> Place:
    ours, theirs = _bare(words), _bare(known)
    is_path = index + 1 < len(words) and words[index + 1].token_type == TokenType.DOT
    at = next((place for place, word in enumerate(ours) if word >= index), len(ours) - 1)
    keys = [_key(words[each]) for each in ours], [_key(known[each]) for each in theirs]
    before, after = 0, len(theirs)
    for ours_at, theirs_at, size in SequenceMatcher(None, *keys, False).get_matching_blocks():
        if ours_at <= at < ours_at + size:
            found = theirs[theirs_at + at - ours_at]
            return _place(author, known[_path_start(known, found) if is_path else found])
        if ours_at > at:
            after = theirs_at
            break
        before = theirs_at + size
    return Place(_place(author, known[_nearest(theirs, keys, (before, after), at, known)]).line)


def _nearest(
    theirs: list[int],
    keys: tuple[list[str], list[str]],
    gap: tuple[int, int],
    at: int,
    known: list[Token],
) -> int:
    """Return the author's word nearest to one that has no place: the macro, or the same word."""
    before, after = gap
    between = theirs[before:after]
    same = [place for place, key in enumerate(keys[1]) if key == keys[0][at]]
    if any(known[each].token_type == TokenType.PARAMETER for each in between) or not same:
        return between[0] if between else theirs[before - 1]
    return theirs[min(same, key=lambda place: abs(place - before))]


def _bare(words: list[Token]) -> list[int]:
    """Return which words both texts have: not the tables and aliases that SQLMesh adds to columns."""
    added: set[int] = set()
    for at, word in enumerate(words):
        if word.token_type == TokenType.DOT:
            added.update((at - 1, at))
        elif word.token_type == TokenType.ALIAS:
            added.update((at, at + 1))
    return [at for at in range(len(words)) if at not in added]


def _path_start(words: list[Token], at: int) -> int:
    while at > 1 and words[at - 1].token_type == TokenType.DOT:
        at -= 2
    return at


def _words(text: str) -> list[Token]:
    try:
        return list(tokenize(text, read=DIALECT))
    except TokenError:
        return []


def _query_words(author: str) -> list[Token]:
    """Return the words of a model's query, which follows its header; none where it is Python."""
    words = _words(author)
    ends = [at for at, word in enumerate(words) if word.token_type == TokenType.SEMICOLON]
    is_model = bool(words) and words[0].text.upper() == "MODEL" and bool(ends)
    return words[ends[0] + 1 :] if is_model else []


def _index(text: str, words: list[Token], line: int | None, column: int | None) -> int | None:
    """Return which word stands at, or next before, a line and column."""
    if line is None or column is None or not words:
        return None
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    offset = starts[min(line, len(starts)) - 1] + column - 1
    before = [at for at, word in enumerate(words) if word.start <= offset]
    return before[-1] if before else 0


def _key(word: Token) -> str:
    return str(word.text).upper()


def _place(text: str, word: Token) -> Place:
    before = text[: word.start]
    return Place(before.count("\n") + 1, word.start - (before.rfind("\n") + 1) + 1)


def _first_line(author: str, word: str) -> int | None:
    """Return the first line that holds a word; the first of all when none does."""
    wanted = re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)
    for number, line in enumerate(author.splitlines(), 1):
        if word and wanted.search(line):
            return number
    return 1 if author else None
