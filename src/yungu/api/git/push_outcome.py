"""What becomes of a push whose body has arrived."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from yungu import hub
from yungu.accounts import Actor
from yungu.api.git import wire
from yungu.api.git.push_body import PushBody
from yungu.api.http import Site
from yungu.hub import Pointer, PushRefused, PushTooBig, RefMoved, RefUpdate, Repo
from yungu.kernel.errors import Conflict, Invalid, YunguError
from yungu.storage.quarantine import Quarantine

log = logging.getLogger("yungu.git")
_MOST_RETRIED = 100
"""Refs of a push that are looked at one by one when something is wrong with one of them."""


class NamedTwice(Invalid):
    """A push moves the same ref more than once."""


class NotAlone(Conflict):
    """A ref of an atomic push that stayed where it was because of another one."""


def settle(site: Site, repo: Repo, actor: Actor, body: PushBody) -> bytes:
    """Check and apply the push; the answer to the client. Never raises: it is too late for an HTTP status."""
    outcome = _Outcome(site, repo, actor, body)
    try:
        outcome.reach()
    except Exception:
        log.exception("a push to %s failed", repo.repo_id)
        outcome.refuse(outcome.updates, YunguError("Something went wrong on the server."))
    finally:
        body.close()
    return outcome.tell()


@dataclass(slots=True)
class _Outcome:
    site: Site
    repo: Repo
    actor: Actor
    body: PushBody
    unpacked: str = "ok"
    refused: dict[str, YunguError] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    updates: Sequence[RefUpdate] = ()

    def __post_init__(self) -> None:
        """``targets``: the name that the client uses to the ref that is moved; ``updates``: those of the refs."""
        self.targets = {update.name: update.name for update in self.body.updates}
        self.updates = self.body.updates

    @property
    def is_atomic(self) -> bool:
        return "atomic" in self.body.capabilities

    def reach(self) -> None:
        try:
            incoming = self.body.finish()
        except YunguError as error:
            self.unpacked = error.message
            self.refuse(self.updates, error)
            return
        self._aim()
        self._check_names()
        pointers = self._examine(incoming, self._standing())
        standing = self._standing()
        if not standing:
            return
        try:
            self._apply(incoming, standing, pointers)
        except PushRefused as error:
            self.refused |= error.refused
            self._standing()
        except YunguError as error:
            self.refuse(standing, error)

    def refuse(self, updates: Iterable[RefUpdate], error: YunguError) -> None:
        for update in updates:
            self.refused.setdefault(update.name, error)

    def tell(self) -> bytes:
        names = dict.fromkeys(update.name for update in self.body.updates)
        if not {"report-status", "report-status-v2"} & set(self.body.capabilities):
            return b""
        reasons = {name: _reason(self.refused[ref]) for name, ref in self.targets.items() if ref in self.refused}
        report = wire.report(self.unpacked, names, reasons)
        if "side-band-64k" not in self.body.capabilities:
            return report
        hints = dict.fromkeys(error.hint for error in self.refused.values() if error.hint)
        shown = b"".join(packet for hint in hints for packet in wire.in_band(2, f"{hint}\n".encode()))
        return shown + b"".join(wire.in_band(1, report)) + wire.FLUSH

    def _standing(self) -> Sequence[RefUpdate]:
        """The updates that nothing speaks against so far."""
        if self.is_atomic and self.refused:
            self.refuse(self.updates, NotAlone("Another ref of this atomic push was refused."))
        return [update for update in self.updates if update.name not in self.refused]

    def _aim(self) -> None:
        """Find out which refs are meant: the default branch may be pushed to by either of its two names, or by both."""
        with self.site.db.read() as session:
            targets = {name: hub.pushed_ref(session, self.repo, name) for name in self.targets}
        meant = [replace(update, name=targets[update.name]) for update in self.body.updates]
        named_once = len(targets) == len(meant)
        self.targets, self.updates = targets, list(dict.fromkeys(meant)) if named_once else meant

    def _check_names(self) -> None:
        times = Counter(update.name for update in self.updates)
        for update in self.updates:
            try:
                if times[update.name] > 1:
                    raise NamedTwice(f"{update.name} is named more than once.")
                hub.check_update(self.repo, update)
            except YunguError as error:
                self.refused[update.name] = error

    def _examine(self, incoming: Quarantine, updates: Sequence[RefUpdate]) -> Collection[tuple[str, Pointer]]:
        """All at once; one by one only when something is wrong, to tell whose fault it is."""
        if all(update.after is None for update in updates):
            return ()  # refs are deleted, or a client only tries its credentials: nothing new is named
        with self.site.db.read() as session:
            known = {ref.oid for ref in hub.list_refs(session, self.repo)}
        try:
            return self._check(incoming, updates, known)
        except YunguError as error:
            if not 1 < len(updates) <= _MOST_RETRIED or self.is_atomic or isinstance(error, PushTooBig):
                self.refuse(updates, error)
                return ()
        pointers: set[tuple[str, Pointer]] = set()
        for update in updates:
            try:
                pointers.update(self._check(incoming, [update], known))
            except YunguError as error:
                self.refused[update.name] = error
        return pointers

    def _check(
        self, incoming: Quarantine, updates: Sequence[RefUpdate], known: set[str]
    ) -> Collection[tuple[str, Pointer]]:
        pointers = hub.check_content(incoming, updates, known)
        if pointers:
            with self.site.db.read() as session:
                hub.check_pointers(session, self.repo, pointers, self.actor)
        return pointers

    def _apply(
        self, incoming: Quarantine, updates: Sequence[RefUpdate], pointers: Collection[tuple[str, Pointer]]
    ) -> None:
        with self.site.db.write() as session:
            repo = hub.get_repo_by_id(session, self.repo.id)
            refused = hub.apply_push(
                session, self.site.git, repo, incoming, updates, pointers, self.actor, atomic=self.is_atomic
            )
        self.refused |= refused


def _reason(error: YunguError) -> str:
    return "it was moved by somebody else meanwhile, fetch first" if isinstance(error, RefMoved) else error.message
