"""Weights for machines of a cluster: the hub's own folder where they share it, else addresses to fetch them from."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from yungu import accounts, hub
from yungu.compute.backends.weights import Weights
from yungu.compute.errors import ReplicaFailed
from yungu.compute.models import Deployment
from yungu.compute.runtimes.sources import Remote, Source
from yungu.hub import Repo
from yungu.kernel import clock
from yungu.kernel.db import Database, Session

_TOKEN_LIVES = timedelta(days=1)


class Shared:
    """The cluster sees the data folder under the same path."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def __call__(self, deployment: Deployment) -> Source:
        """Raises ReplicaFailed."""
        return Source(_key(deployment), folder=str(self._weights.folder(deployment)))


class Fetched:
    """The cluster reaches the hub at ``base_url``. Each source comes with a token that reads this one repo for a day,
    in the name of whoever deployed it; the one before ends."""

    def __init__(self, weights: Weights, database: Database, secret: bytes, base_url: str) -> None:
        self._weights, self._db, self._secret, self._base_url = weights, database, secret, base_url

    def __call__(self, deployment: Deployment) -> Source:
        """Raises ReplicaFailed."""
        assert deployment.repo_id is not None
        files = self._weights.files(deployment)
        with self._db.write() as session:
            repo = hub.get_repo_by_id(session, deployment.repo_id)
            token = self._token(session, deployment, repo)
        base = f"{self._base_url}/{repo.repo_id}/resolve/{deployment.commit}"
        remote = [Remote(file.path, f"{base}/{quote(file.path)}", file.size_bytes) for file, _ in files]
        return Source(_key(deployment), files=remote, token=token)

    def _token(self, session: Session, deployment: Deployment, repo: Repo) -> str:
        owner = deployment.created_by
        if owner is None or accounts.find_owner_by_id(session, owner) is None:
            raise ReplicaFailed(f"Whoever deployed {deployment.name} is gone: deploy it again.")
        name = f"Ray: {deployment.name}"
        for old in accounts.list_tokens(session, owner):
            if old.name == name:
                accounts.revoke_token(session, owner, old.id)
        grant = accounts.TokenGrant(f"models/{repo.repo_id}".casefold(), "read")
        ends_at = clock.now() + _TOKEN_LIVES
        _, value = accounts.create_token(
            session, self._secret, owner, name=name, scope="fine-grained", grants=[grant], expires_at=ends_at
        )
        return value


def _key(deployment: Deployment) -> str:
    return f"{deployment.repo_id}-{deployment.commit}-{deployment.runtime}"
