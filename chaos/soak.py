"""Many small documents, one after the other: memory, open files and temporary files must not grow with them."""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .made import note
from .world import Server, World, wait_for

# Growth of the last half that is allowed, MiB for 1,000 documents.
GROWTH = 1.0


def run(world: World, documents: int) -> list[str]:
    library = world.library()
    server = Server(library)
    folder = world.folder / "small"
    folder.mkdir()
    samples: list[tuple[int, float, int]] = []
    started = time.monotonic()
    step = max(50, documents // 20)
    for first in range(0, documents, step):
        paths = [note(folder, number) for number in range(first, min(first + step, documents))]
        with ThreadPoolExecutor(8) as pool:
            acknowledged = list(pool.map(server.upload, paths))
        if None in acknowledged:
            return ["an upload was refused"]
        wait_for("the work to end", lambda: server.waits() == 0)
        samples.append((first + len(paths), memory(server), handles(server)))
        print(f"{samples[-1][0]} documents: {samples[-1][1]:.1f} MiB, {samples[-1][2]} open files", flush=True)
        for path in paths:
            path.unlink()
    seconds = time.monotonic() - started
    half = samples[len(samples) // 2:]
    # The line through all samples: single ones are up or down by some MiB.
    growth = statistics.linear_regression([done for done, *_ in half], [mib for _, mib, _ in half]).slope * 1000
    print(f"{documents} documents in {seconds:.0f} s; the last half grew {growth:.2f} MiB per 1,000")
    server.stop()
    problems = []
    if growth > GROWTH:
        problems.append(f"memory grew {growth:.2f} MiB per 1,000 documents")
    if half[-1][2] > half[0][2] + 8:
        problems.append(f"open files grew from {half[0][2]} to {half[-1][2]}")
    left = [str(path) for path in Path(library.flags[1]).glob("blobs/tmp/*/*")]
    if left:
        problems.append(f"temporary files are left: {left[:3]}")
    return problems


def memory(server: Server) -> float:
    """Memory of the server alone that is its own, MiB: its children are replaced as they age."""
    for line in Path(f"/proc/{server.process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) / 1024
    return 0.0


def handles(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))
