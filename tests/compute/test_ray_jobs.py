"""The same programs on a real Ray cluster of this machine, as shut in as here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from yungu.compute.backends.isolation import Limits, Outcome, Program
from yungu.compute.backends.ray_cells import RayCells

ray = pytest.importorskip("ray", reason="Ray is not installed")
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]
LIMITS = Limits(memory_bytes=1 << 30, cpu_seconds=20, wall_seconds=30, output_bytes=1 << 20)
DOUBLE = """
import os, sys
print(os.path.exists("/etc/passwd"), file=sys.stderr)
for line in sys.stdin:
    print(int(line) * 2, flush=True)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    yield
    ray.shutdown()


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "program").mkdir()
        folder.chmod(0o755)
        (folder / "inputs").write_text("1\n2\n3\n")
        self.out = self.log = b""

    def run(self, cells: RayCells, code: str, **how: object) -> Outcome:
        self.out = self.log = b""
        (self.folder / "program" / "predict.py").write_text(code)
        program = Program(self.folder / "program", "predict.py")
        inputs = self.folder / "inputs"
        return cells.run(program, inputs, LIMITS, on_output=self._hear, on_log=self._note, **how)  # type: ignore[arg-type]

    def _hear(self, data: bytes) -> None:
        self.out += data

    def _note(self, data: bytes) -> None:
        self.log += data


def test_programs_run_on_ray_as_shut_in_as_here_and_are_stopped(cluster: None, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for cells in (RayCells("local", is_shared=False), RayCells("local", is_shared=True)):
        done = bench.run(cells, DOUBLE)
        assert (done.reason, done.level, bench.out) == ("done", "full", b"2\n4\n6\n"), bench.log
        assert bench.log == b"False\n"
    stopped = bench.run(
        cells, "import time\nprint('begun', flush=True)\ntime.sleep(60)", must_stop=lambda: bool(bench.out)
    )
    assert (stopped.reason, bench.out) == ("stopped", b"begun\n")
    loud = bench.run(cells, "while True: print('x' * 10_000)")
    assert (loud.reason, len(bench.out)) == ("too_much_output", 1 << 20)
