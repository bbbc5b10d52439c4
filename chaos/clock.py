"""The clock of the day jumps an hour ahead, an hour back, a month ahead, while files are taken in: work goes on,
and the library is the same. Needs the library of `faketime` (a Debian package).
"""

import datetime
import threading
import time
from pathlib import Path

from .world import Server, World, wait_for

HOUR = 3600
JUMPS = [HOUR, -HOUR, 30 * 24 * HOUR, 0]
# Jumps that one library sees before it is judged.
JUMPS_PER_LIBRARY = 5
# Whoever is held up by a jump waits for an hour; the work itself takes seconds.
PATIENCE = 120.0


def run(world: World, jumps: int) -> list[str]:
    preload = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if preload is None:
        raise SystemExit("the clock cannot be turned: `apt-get install faketime`")
    reference = world.reference()
    problems = []
    for first in range(0, jumps, JUMPS_PER_LIBRARY):
        some = min(JUMPS_PER_LIBRARY, jumps - first)
        problems += suffer(world, reference, str(preload), some, first)
    return problems


def suffer(world: World, reference, preload: str, jumps: int, before: int) -> list[str]:
    library = world.library()
    hand = Path(world.folder / f"clock{library.flags[1].rsplit('/', 1)[-1]}")
    hand.write_text("+0")
    clock = {
        "LD_PRELOAD": preload,
        "FAKETIME_TIMESTAMP_FILE": str(hand),
        "FAKETIME_NO_CACHE": "1",
        # What measures how long something takes does not jump on real machines either.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    server = Server(library, environment=clock)
    acknowledged: dict[str, str] = {}
    client = threading.Thread(target=lambda: [server.acknowledges(path, acknowledged) for path in world.files])
    client.start()
    for number in range(before + 1, before + jumps + 1):
        time.sleep(world.random.uniform(0, 2 * reference.seconds / jumps))
        to = world.random.choice(JUMPS)
        hand.write_text(f"{to:+}")
        print(f"jump {number}: to {to:+} s", flush=True)
    client.join()
    wait_for("the server to see that", lambda: abs(clock_of(server) - time.time() - to) < HOUR / 60, PATIENCE)
    held_up = wait_for("the work to end", lambda: server.waits() == 0, PATIENCE)
    server.stop()
    print(f"the work ended {held_up:.0f} s after the last jump", flush=True)
    missing = [f"{path.name} was refused" for path in world.files if path.name not in acknowledged]
    return missing + library.judge(reference, acknowledged)


def clock_of(server: Server) -> float:
    """The time of day as the server has it: its worker's last sign of life. (The `date` of an answer stands still
    after a jump back, until the clock has caught up.)"""
    (worker,) = server.get("/api/v1/workers")["items"]
    return datetime.datetime.fromisoformat(worker["seen"]).timestamp()
