"""What the tests stand on: real PostgreSQL clusters, live servers, people and repos to work with."""
