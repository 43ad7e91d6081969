"""Bytes by content: one logical blob (sha256), two possible backings (raw file, xet terms over xorbs); git objects.

from yungu.storage.local import LocalStore
from yungu.storage import content

with store.stage() as staged:                    # bytes first
    staged.write(b"...")
    staged.publish(content.raw_key(staged.sha256))
content.record_raw(session, staged.sha256, staged.size_bytes)   # fact second
"""
