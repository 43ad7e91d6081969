"""What people did, as lists tell it: the same thing done again and again is one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from yungu.hub import Activity


@dataclass(frozen=True, slots=True)
class ActivityGroup:
    """``activity``: the latest of ``count`` alike, by one person on one repo, with nothing else in between."""

    activity: Activity
    count: int = 1


def grouped(activities: Iterable[Activity]) -> Sequence[ActivityGroup]:
    """``activities`` come in order of time. The first push of a new repo is a part of its creation."""
    groups: list[ActivityGroup] = []
    for activity in activities:
        last = groups[-1] if groups else None
        if last is None or (last.activity.who, last.activity.repo.id) != (activity.who, activity.repo.id):
            groups.append(ActivityGroup(activity))
        elif last.activity.kind == activity.kind == "CommitPushed":
            groups[-1] = replace(last, count=last.count + 1)
        elif activity.kind == "RepoCreated" and last.activity.kind == "CommitPushed":
            groups[-1] = ActivityGroup(activity)
        else:
            groups.append(ActivityGroup(activity))
    return groups
