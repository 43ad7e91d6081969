"""Pilots: terms that both sides sign, evaluations that run, evidence, and what came of it (场景验证)."""
