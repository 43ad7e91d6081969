"""The ground: errors, clock, database, events, pages. Knows no hub.

from yungu.kernel import db, events

database = db.Database("sqlite:///data/yungu.db")
with database.write() as session:
    events.record(session, RepoCreated(repo_id=1), actor_id=7)
"""
