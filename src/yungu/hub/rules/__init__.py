"""Pure decisions of the hub: rights, names and paths, pointers, cards, which files belong in LFS."""

from yungu.hub.rules.access import (
    can_create_in,
    is_guest,
    may_admin,
    may_configure,
    may_contribute,
    may_curate,
    may_read,
    may_read_files,
    may_see_collection,
    may_see_skill,
    may_write,
)
from yungu.hub.rules.archives import ARCHIVES, Archive, ArchiveEntry, ArchiveUnreadable, list_archive
from yungu.hub.rules.cards import parse_card
from yungu.hub.rules.datafiles import DataConfig, DataSplit
from yungu.hub.rules.gguf import GgufHeader, GgufInvalid, ReadSlice, parse_gguf
from yungu.hub.rules.lfs import (
    DEFAULT_ATTRIBUTES,
    MAX_REGULAR_BYTES,
    LfsDecider,
    ignore_matcher,
    make_pointer,
    may_be_pointer,
    parse_pointer,
    tracking_line,
)
from yungu.hub.rules.lineage import RELATIONS, Relation, guess_relation
from yungu.hub.rules.mentions import find_mentions, link_mentions
from yungu.hub.rules.names import (
    check_branch,
    check_path,
    check_ref_name,
    check_repo_name,
    is_oid,
    other_name,
    ref_candidates,
)
from yungu.hub.rules.safetensors import SafetensorsHeader, SafetensorsInvalid, Tensor
from yungu.hub.rules.skills import check_skill_archive, list_skill_files, read_skill_file
from yungu.hub.rules.tags import tag_type
from yungu.hub.rules.trending import LIKE_WEIGHT, trending_gain, trending_score
from yungu.hub.rules.watching import places_of, watched_places

__all__ = [
    "ARCHIVES",
    "DEFAULT_ATTRIBUTES",
    "LIKE_WEIGHT",
    "MAX_REGULAR_BYTES",
    "RELATIONS",
    "Archive",
    "ArchiveEntry",
    "ArchiveUnreadable",
    "DataConfig",
    "DataSplit",
    "GgufHeader",
    "GgufInvalid",
    "LfsDecider",
    "ReadSlice",
    "Relation",
    "SafetensorsHeader",
    "SafetensorsInvalid",
    "Tensor",
    "can_create_in",
    "check_branch",
    "check_path",
    "check_ref_name",
    "check_repo_name",
    "check_skill_archive",
    "find_mentions",
    "guess_relation",
    "ignore_matcher",
    "is_guest",
    "is_oid",
    "link_mentions",
    "list_archive",
    "list_skill_files",
    "make_pointer",
    "may_admin",
    "may_be_pointer",
    "may_configure",
    "may_contribute",
    "may_curate",
    "may_read",
    "may_read_files",
    "may_see_collection",
    "may_see_skill",
    "may_write",
    "other_name",
    "parse_card",
    "parse_gguf",
    "parse_pointer",
    "places_of",
    "read_skill_file",
    "ref_candidates",
    "tag_type",
    "tracking_line",
    "trending_gain",
    "trending_score",
    "watched_places",
]
