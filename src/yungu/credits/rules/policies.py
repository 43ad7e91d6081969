"""What a policy says of an applicant on a day, with its proof.

Everything that changes with time is dated in the policy itself, so asking for a day of last year gives last year's
answer, whatever was added since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from yungu.credits.errors import ConditionInvalid, PolicyInvalid
from yungu.credits.models import MOST, Condition, FactSpec, Parameter, Policy, Proof, Row, Value, Verdict
from yungu.credits.rules.conditions import all_of, evaluate, names_in, parse

_TYPES = {"whole": int, "text": str, "truth": bool}


def check(policy: Policy) -> None:
    """Every expression can be read and speaks of nothing undeclared. Raises PolicyInvalid."""
    known = set(policy.facts) | set(policy.parameters)
    if len(known) != len(policy.facts) + len(policy.parameters) or known & set(policy.tables):
        raise PolicyInvalid(policy.id, "a name is given twice")
    for name, parameter in policy.parameters.items():
        days = [dated.since for dated in parameter.values]
        if not days or days != sorted(set(days)):
            raise PolicyInvalid(policy.id, f"the values of {name} are not in the order of their days")
    for condition in policy.conditions:
        _check_expression(policy, condition.when, known)
    for name, rows in policy.tables.items():
        for row in rows:
            _check_expression(policy, row.when, known)
            _check_expression(policy, row.gives, known)
        known.add(name)
    _check_expression(policy, policy.award, known)


def check_facts(policy: Policy, facts: Mapping[str, object]) -> None:
    """Raises PolicyInvalid for a fact that is not asked for, or is not what is asked for."""
    for name, value in facts.items():
        spec = policy.facts.get(name)
        if spec is None:
            raise PolicyInvalid(policy.id, f"it asks for no fact {name!r}")
        if value is not None and not _fits(spec, value):
            raise PolicyInvalid(policy.id, f"{name} cannot be {value!r}")


def decide(policy: Policy, facts: Mapping[str, Value], on: date) -> Verdict:
    """What follows from the facts on a day; a fact that is absent or None is not known.

    Raises PolicyInvalid, ConditionInvalid."""
    check_facts(policy, facts)
    known: dict[str, Value] = {name: value_on(parameter, on) for name, parameter in policy.parameters.items()}
    known |= facts
    in_force = Proof(_period_text(policy), _applies(policy, on))
    asked = [_ask(condition, known) for condition in policy.conditions if _applies(condition, on)]
    eligible = all_of("eligible", [in_force, *asked])
    tables = list[Proof]()
    for name, rows in policy.tables.items():
        tables.append(_look_up(name, [row for row in rows if _applies(row, on)], known))
        known[name] = tables[-1].value
    award = evaluate(parse(policy.award), known)
    return _conclude(policy, on, eligible, tables, award)


def value_on(parameter: Parameter, on: date) -> Value:
    """The value of a parameter on a day, None when it has none."""
    value: Value = None
    for dated in parameter.values:
        if dated.since <= on:
            value = dated.value
    return value


def explain(verdict: Verdict) -> Iterator[str]:
    """The proof as indented lines, each begun by yes, no, a value, or ? for what is not known."""
    yield from _lines(verdict.proof, 0)


def _conclude(policy: Policy, on: date, eligible: Proof, tables: list[Proof], award: Proof) -> Verdict:
    root = Proof(f"{policy.id} on {on}", eligible.value, (eligible, *tables, award), eligible.missing)
    is_met = eligible.value if isinstance(eligible.value, bool) else None
    missing = eligible.missing
    if is_met is not False:
        behind = (name for proof in (*tables, award) for name in proof.missing if name not in policy.tables)
        missing = tuple(dict.fromkeys([*missing, *behind]))
    amount = award.value if is_met and type(award.value) is int else None
    return Verdict(policy.id, on, is_met, amount, missing, root)


def _ask(condition: Condition, known: Mapping[str, Value]) -> Proof:
    inner = evaluate(parse(condition.when), known)
    if not isinstance(inner.value, bool | None):
        raise ConditionInvalid(condition.when, "it is neither true nor false")
    return Proof(condition.say.en, inner.value, (inner,), inner.missing)


def _look_up(name: str, rows: list[Row], known: Mapping[str, Value]) -> Proof:
    """The first row that is true gives the value, if all before it are false; a row not known leaves it open."""
    seen = list[Proof]()
    for row in rows:
        asked = evaluate(parse(row.when), known)
        seen.append(asked)
        if asked.value is None:
            return Proof(name, None, tuple(seen), asked.missing)
        if asked.value is True:
            given = evaluate(parse(row.gives), known)
            return Proof(name, given.value, (*seen, given), given.missing)
    return Proof(name, None, tuple(seen))


def _lines(proof: Proof, depth: int) -> Iterator[str]:
    absent = f"  (missing: {', '.join(proof.missing)})" if proof.missing and not proof.parts else ""
    yield f"{'  ' * depth}[{_mark(proof.value)}] {proof.text}{absent}"
    for part in proof.parts:
        if part.parts or not _is_literal(part.text):
            yield from _lines(part, depth + 1)


def _mark(value: Value) -> str:
    if value is None:
        return "?"
    return ("no", "yes")[value] if isinstance(value, bool) else repr(value)


def _is_literal(text: str) -> bool:
    return text in ("true", "false") or text[0].isdigit() or text[0] in "'\""


def _fits(spec: FactSpec, value: object) -> bool:
    if type(value) is not _TYPES[spec.type] or (isinstance(value, int) and not 0 <= value <= MOST):
        return False
    return not spec.one_of or value in spec.one_of


def _applies(dated: Policy | Condition | Row, on: date) -> bool:
    return (dated.since is None or dated.since <= on) and (dated.until is None or on < dated.until)


def _period_text(policy: Policy) -> str:
    return f"in force since {policy.since}" + (f" until {policy.until}" if policy.until else "")


def _check_expression(policy: Policy, source: str, known: set[str]) -> None:
    try:
        strange = names_in(parse(source)) - known
    except ConditionInvalid as error:
        raise PolicyInvalid(policy.id, error.message) from error
    if strange:
        raise PolicyInvalid(policy.id, f"{source!r} speaks of {', '.join(sorted(strange))}, which is not declared")
