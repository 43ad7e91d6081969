"""Conditions of policies: a small, safe part of CEL (https://github.com/google/cel-spec) with three values and a proof.

    whole, text and truth literals, lists; names; ! - * / + -  < <= > >= == != in  && ||  ?:  ( )
    size(list or text), has(name), and beyond CEL: min(a, b), max(a, b)

A name that is not known makes what needs it *unknown*, and no more than that (Kleene): ``missing > 1 || true`` is true.
There are no fractions, no loops and no way out: work grows with the length of the text. Whole numbers are those of 64
bits, and division cuts towards zero, as in CEL. Dates are texts, ``'2026-03-01'``, and compare as such."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from yungu.credits.errors import ConditionInvalid
from yungu.credits.models import Proof, Value

LONGEST = 1000
_MOST_TOKENS = 250
_DEEPEST = 40  # brackets; with the bounds beside it far below what Python's stack takes
_MOST_SIGNS = 10
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+)(?![\w.])|(?P<text>'[^'\\\n]*'|\"[^\"\\\n]*\")|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>&&|\|\||[<>=!]=|[<>!?:()\[\],*/+-]))"
)
_LEVELS: Sequence[Sequence[str]] = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/"))
_FUNCTIONS = {"size": 1, "has": 1, "min": 2, "max": 2}
_WORDS: dict[str, bool] = {"true": True, "false": False}

Kind = Literal["value", "name", "list", "call"]


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression. ``head``: the value, the name, the operator or the function; ``text``: as written."""

    kind: Kind
    head: Any
    parts: tuple[Node, ...]
    text: str


def parse(source: str) -> Node:
    """Raises ConditionInvalid."""
    return _Reader(source).read()


def names_in(node: Node) -> set[str]:
    """Every name that an expression speaks of."""
    found = {node.head} if node.kind == "name" else set[str]()
    return found.union(*(names_in(part) for part in node.parts))


def evaluate(node: Node, known: Mapping[str, Value]) -> Proof:
    """The value with its proof; ``value`` None means unknown, and ``missing`` says for want of what.

    Raises ConditionInvalid when kinds do not fit (``'a' < 1``), a number outgrows 64 bits, or it divides by zero."""
    match node.kind:
        case "value":
            return Proof(node.text, node.head)
        case "name":
            value = known.get(node.head)
            return Proof(node.text, value, missing=() if value is not None else (node.head,))
    if node.head == "has":
        return Proof(node.text, known.get(node.parts[0].head) is not None)
    if node.head == "?:":
        return _choose(node, known)
    proofs = tuple(evaluate(part, known) for part in node.parts)
    if node.head in ("&&", "||"):
        return _join(node, proofs, decisive=node.head == "||")
    missing = _missing(proofs)
    if missing:
        return Proof(node.text, None, proofs, missing)
    values: list[Any] = [proof.value for proof in proofs]
    return Proof(node.text, values if node.kind == "list" else _compute(node, values), proofs)


def all_of(text: str, proofs: Sequence[Proof]) -> Proof:
    """True when all are, false when one is, else unknown."""
    return _kleene(text, proofs, decisive=False)


def _join(node: Node, proofs: Sequence[Proof], *, decisive: bool) -> Proof:
    for proof in proofs:
        if not isinstance(proof.value, bool | None):
            raise ConditionInvalid(node.text, f"{proof.text} is neither true nor false")
    return _kleene(node.text, proofs, decisive=decisive)


def _kleene(text: str, proofs: Sequence[Proof], *, decisive: bool) -> Proof:
    if any(proof.value is decisive for proof in proofs):
        return Proof(text, decisive, tuple(proofs))
    missing = _missing(proofs)
    return Proof(text, None if missing else not decisive, tuple(proofs), missing)


def _choose(node: Node, known: Mapping[str, Value]) -> Proof:
    asked = evaluate(node.parts[0], known)
    if asked.value is None:
        return Proof(node.text, None, (asked,), asked.missing)
    if not isinstance(asked.value, bool):
        raise ConditionInvalid(node.text, f"{asked.text} is neither true nor false")
    chosen = evaluate(node.parts[1 if asked.value else 2], known)
    return Proof(node.text, chosen.value, (asked, chosen), chosen.missing)


def _missing(proofs: Sequence[Proof]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for proof in proofs if proof.value is None for name in proof.missing))


def _compute(node: Node, values: list[Any]) -> Value:
    try:
        result: Value = _OPERATIONS[node.head, len(values)](*values)
    except ZeroDivisionError:
        raise ConditionInvalid(node.text, "it divides by zero") from None
    except TypeError:
        raise ConditionInvalid(node.text, f"{' and '.join(map(repr, values))} do not fit together") from None
    if isinstance(result, int) and not -(2**63) <= result < 2**63:
        raise ConditionInvalid(node.text, "the number is too large")
    return result


def _whole(*values: object) -> None:
    if not all(type(value) is int for value in values):
        raise TypeError


def _alike(left: object, right: object) -> None:
    if type(left) is not type(right):
        raise TypeError


def _counting(work: Callable[..., int]) -> Callable[..., int]:
    def checked(*values: int) -> int:
        _whole(*values)
        return work(*values)

    return checked


def _comparing(work: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def checked(left: Any, right: Any) -> bool:
        _alike(left, right)
        return work(left, right)

    return checked


def _divide(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _is_in(value: Any, group: Any) -> bool:
    if not isinstance(group, list):
        raise TypeError
    return any(type(value) is type(one) and value == one for one in group)


def _negate(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return not value


def _size(value: Any) -> int:
    if not isinstance(value, str | list):
        raise TypeError
    return len(value)


_OPERATIONS: dict[tuple[str, int], Callable[..., Any]] = {
    ("==", 2): _comparing(lambda left, right: bool(left == right)),
    ("!=", 2): _comparing(lambda left, right: bool(left != right)),
    ("<", 2): _comparing(lambda left, right: bool(left < right)),
    ("<=", 2): _comparing(lambda left, right: bool(left <= right)),
    (">", 2): _comparing(lambda left, right: bool(left > right)),
    (">=", 2): _comparing(lambda left, right: bool(left >= right)),
    ("in", 2): _is_in,
    ("+", 2): _counting(lambda left, right: left + right),
    ("-", 2): _counting(lambda left, right: left - right),
    ("*", 2): _counting(lambda left, right: left * right),
    ("/", 2): _counting(_divide),
    ("-", 1): _counting(lambda value: -value),
    ("!", 1): _negate,
    ("size", 1): _size,
    ("min", 2): _counting(min),
    ("max", 2): _counting(max),
}


class _Reader:
    """Recursive descent, one method per kind of thing."""

    def __init__(self, source: str) -> None:
        self.source, self.place, self.depth = source, 0, 0
        if len(source) > LONGEST:
            raise ConditionInvalid(source[:60], f"it is longer than {LONGEST} characters")
        self.tokens = self._cut()
        if len(self.tokens) > _MOST_TOKENS:
            raise self._wrong(f"it has more than {_MOST_TOKENS} parts")

    def read(self) -> Node:
        node = self._choice()
        if self.place < len(self.tokens):
            raise self._wrong(f"{self._peek()!r} is not expected")
        return node

    def _cut(self) -> list[tuple[str, str, int, int]]:
        """(kind, text, where it begins, where it ends)"""
        found, end, source = list[tuple[str, str, int, int]](), 0, self.source.rstrip()
        while end < len(source):
            matched = _TOKEN.match(source, end)
            if matched is None or matched.lastgroup is None:
                raise self._wrong(f"{source[end : end + 20]!r} cannot be read")
            kind, end = matched.lastgroup, matched.end()
            found.append((kind, matched[kind], matched.start(kind), end))
        return found

    def _choice(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._wrong("it is nested too deeply")
        begin, asked = self.place, self._level(0)
        if self._take("?"):
            then = self._choice()
            self._expect(":")
            asked = self._node("call", "?:", (asked, then, self._choice()), begin)
        self.depth -= 1
        return asked

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        begin, left = self.place, self._level(level + 1)
        while (sign := self._peek()) in _LEVELS[level]:
            self.place += 1
            left = self._node("call", sign, (left, self._level(level + 1)), begin)
        return left

    def _unary(self) -> Node:
        begin, signs = self.place, list[str]()
        while (sign := self._peek()) in ("!", "-"):
            self.place += 1
            signs.append(sign)
        if len(signs) > _MOST_SIGNS:
            raise self._wrong("it is nested too deeply")
        node = self._atom()
        for sign in reversed(signs):
            node = self._node("call", sign, (node,), begin)
        return node

    def _atom(self) -> Node:
        if self.place == len(self.tokens):
            raise self._wrong("it ends too early")
        begin, (kind, text, _, _) = self.place, self.tokens[self.place]
        self.place += 1
        if kind == "number":
            if int(text) >= 2**63:
                raise self._wrong(f"{text} is too large")
            return self._node("value", int(text), (), begin)
        if kind == "text":
            return self._node("value", text[1:-1], (), begin)
        if kind == "name":
            return self._named(text, begin)
        if text == "(":
            inner = self._choice()
            self._expect(")")
            return inner
        if text == "[":
            return self._node("list", "[]", self._several("]"), begin)
        raise self._wrong(f"{text!r} is not expected")

    def _named(self, name: str, begin: int) -> Node:
        if name in _WORDS:
            return self._node("value", _WORDS[name], (), begin)
        if not self._take("("):
            return self._node("name", name, (), begin)
        parts = self._several(")")
        if _FUNCTIONS.get(name) != len(parts) or (name == "has" and parts[0].kind != "name"):
            raise self._wrong(f"there is no function {name} of {len(parts)} such arguments")
        return self._node("call", name, parts, begin)

    def _several(self, closing: str) -> tuple[Node, ...]:
        parts = list[Node]()
        while not self._take(closing):
            if parts:
                self._expect(",")
            parts.append(self._choice())
        return tuple(parts)

    def _peek(self) -> str:
        kind, text = self.tokens[self.place][:2] if self.place < len(self.tokens) else ("", "")
        return "" if kind == "text" else text

    def _take(self, sign: str) -> bool:
        if self._peek() != sign:
            return False
        self.place += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._wrong(f"{sign!r} is missing")

    def _node(self, kind: Kind, head: Any, parts: tuple[Node, ...], begin: int) -> Node:
        text = self.source[self.tokens[begin][2] : self.tokens[self.place - 1][3]]
        return Node(kind, head, parts, text)

    def _wrong(self, why: str) -> ConditionInvalid:
        return ConditionInvalid(self.source, why)
