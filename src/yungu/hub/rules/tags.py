"""What a tag speaks of. Tags are kept in lower case."""

from __future__ import annotations

from yungu.hub.models import Kind

_LANGUAGES = frozenset(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee "
    "el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is "
    "it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms "
    "mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk "
    "sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi "
    "yo za zh zu".split()
)
"""ISO 639-1."""
_PREFIXED = {
    "model": "license dataset arxiv region doi".split(),
    "dataset": (
        "license language task_categories task_ids size_categories multilinguality language_creators "
        "annotations_creators source_datasets benchmark arxiv region doi"
    ).split(),
    "space": "license arxiv region doi".split(),
}


def tag_type(kind: Kind, tag: str) -> str:
    """The group of a tag: the part before its colon where that names a group, "language", or "other"."""
    prefix, colon, _ = tag.partition(":")
    if colon and prefix in _PREFIXED[kind]:
        return prefix
    return "language" if kind == "model" and tag in _LANGUAGES else "other"
