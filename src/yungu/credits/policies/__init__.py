"""The policies that come with yungu, as YAML beside this file, and how such a file is read.

Their figures were taken from public reports, whose addresses stand in each: they are examples to start from. Whoever
grants by them compares them with the issuer's own text first, and writes down a change with the day that it begins."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import msgspec

from yungu.credits.errors import PolicyInvalid, PolicyNotFound
from yungu.credits.models import Policy
from yungu.credits.rules.policies import check


def read_policy(text: str, name: str = "given") -> Policy:
    """A policy from YAML, checked as a whole. Raises PolicyInvalid."""
    import yaml

    try:
        policy = msgspec.convert(yaml.safe_load(text), Policy)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise PolicyInvalid(name, str(error)) from error
    check(policy)
    return policy


def list_policies() -> Sequence[str]:
    """The ids of the policies that come with yungu."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def get_policy(name: str) -> Policy:
    """Raises PolicyNotFound."""
    if name not in list_policies():
        raise PolicyNotFound(name)
    return read_policy((resources.files(__name__) / f"{name}.yaml").read_text("utf-8"), name)
