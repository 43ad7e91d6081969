"""How much a call can use at most, and what of it is charged."""

from __future__ import annotations

from dataclasses import replace

from yungu.accounts import Actor, Owner
from yungu.compute.errors import CallInvalid
from yungu.compute.models import NO_PRICES, Asked, Deployment, Prices, Usage
from yungu.compute.rules.prices import cost

_TEMPLATE_TOKENS = 256
"""What a chat template may add by itself; every other token stands for at least one byte of the body."""
_BYTES_PER_TOKEN = 4
MOST_CHOICES = 128
_MILLION = 1_000_000
GENERATING = frozenset({"chat", "completion"})


def check_asked(asked: Asked, deployment: Deployment) -> None:
    """Raises CallInvalid."""
    if asked.kind not in deployment.answers:
        kinds = ", ".join(deployment.answers)
        raise CallInvalid(f"{deployment.name} does not answer calls of the kind {asked.kind}, only: {kinds}.", "model")
    if not 1 <= asked.choices <= MOST_CHOICES:
        raise CallInvalid(f"A call can ask for 1 to {MOST_CHOICES} completions.", "n")
    if asked.most_tokens is not None and not 1 <= asked.most_tokens <= deployment.context_tokens:
        limit = deployment.context_tokens
        raise CallInvalid(
            f"max_tokens is {asked.most_tokens}; {deployment.name} takes 1 to {limit}: its whole context.", "max_tokens"
        )


def most_usage(asked: Asked, deployment: Deployment, most_seconds: float) -> Usage:
    """An upper bound of what the call can use: no tokenizer makes more tokens than there are bytes."""
    seconds = most_seconds if deployment.prices.second else 0.0
    if asked.kind == "predict":
        return Usage(device_seconds=seconds)
    context = deployment.context_tokens
    if asked.kind not in GENERATING:
        return Usage(asked.size_bytes + _TEMPLATE_TOKENS, 0, seconds)
    prompt = min(asked.size_bytes + _TEMPLATE_TOKENS, context * asked.choices)
    return Usage(prompt, min(asked.most_tokens or context, context) * asked.choices, seconds)


def affordable_tokens(prices: Prices, most: Usage, choices: int, available: int) -> int:
    """How many tokens of each completion so many micro-credits pay for, besides all the rest; 0 for none."""
    left = available - cost(prices, replace(most, completion_tokens=0)) - 1  # rounding up takes at most one more
    return max(0, left) * _MILLION // prices.completion_million // choices if prices.completion_million else 0


def estimated_tokens(size_bytes: int) -> int:
    """About how many tokens so many bytes of text are, where nobody has counted."""
    return -(-size_bytes // _BYTES_PER_TOKEN)


def charge(prices: Prices, usage: Usage, held: int) -> int:
    """What a call costs, at most what is held for it."""
    return min(cost(prices, usage), held)


def may_spend(actor: Actor, payer: Owner, deployment: Deployment) -> bool:
    """Whether the actor may let ``payer`` pay for calls: themselves, and an organization that they may write for. A
    fine-grained token names the model or its owner to pay at all, and the organization for that one to pay."""
    if actor.scope == "fine-grained" and deployment.prices != NO_PRICES and not _names(actor, deployment.name):
        return False
    if payer.id == actor.id:
        return True
    if actor.scope == "fine-grained" and ("write", payer.name.casefold()) not in _grants(actor):
        return False
    return actor.is_site_admin or actor.roles.get(payer.id) in ("write", "admin")


def _names(actor: Actor, model: str) -> bool:
    """Whether a fine-grained token names a model, or its owner."""
    key = model.casefold()
    return any(target in (f"models/{key}", key.partition("/")[0]) for _, target in _grants(actor))


def _grants(actor: Actor) -> set[tuple[str, str]]:
    return {(grant.right, grant.target) for grant in actor.grants}
