"""Pure decisions of the hub: rights, names and paths, pointers, cards, which files belong in LFS."""

from yungu.hub.rules.access import (
    can_create_in,
    may_admin,
    may_contribute,
    may_read,
    may_read_files,
    may_write,
)
from yungu.hub.rules.cards import parse_card
from yungu.hub.rules.lfs import (
    DEFAULT_ATTRIBUTES,
    MAX_REGULAR_BYTES,
    LfsDecider,
    ignore_matcher,
    make_pointer,
    may_be_pointer,
    parse_pointer,
)
from yungu.hub.rules.names import (
    check_branch,
    check_path,
    check_ref_name,
    check_repo_name,
    is_oid,
    ref_candidates,
)
from yungu.hub.rules.safetensors import SafetensorsHeader, SafetensorsInvalid, Tensor

__all__ = [
    "DEFAULT_ATTRIBUTES",
    "MAX_REGULAR_BYTES",
    "LfsDecider",
    "SafetensorsHeader",
    "SafetensorsInvalid",
    "Tensor",
    "can_create_in",
    "check_branch",
    "check_path",
    "check_ref_name",
    "check_repo_name",
    "ignore_matcher",
    "is_oid",
    "make_pointer",
    "may_admin",
    "may_be_pointer",
    "may_contribute",
    "may_read",
    "may_read_files",
    "may_write",
    "parse_card",
    "parse_pointer",
    "ref_candidates",
]
