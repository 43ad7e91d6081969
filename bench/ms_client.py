"""The stock ModelScope client, in a process of its own: ``python bench/ms_client.py`` with its arguments as JSON on
standard input, and the wall seconds of one snapshot (imports not counted) as JSON on standard output.

It runs in an environment that has modelscope, which shares no package with ours: see ``modelscope.py``."""

from __future__ import annotations

import json
import sys
import time

from modelscope.hub.snapshot_download import snapshot_download

if __name__ == "__main__":
    arguments = json.load(sys.stdin)
    started = time.perf_counter()
    snapshot_download(arguments["repo_id"], cache_dir=arguments["folder"], token=arguments["token"])
    print(json.dumps([time.perf_counter() - started]))
