"""SIGKILL while a library is made and its schema brought up to date: the next start goes on from there.

Every step of the schema is a transaction of its own, so that an upgrade which is cut off leaves one of the steps, as
the making of a new library does.
"""

import subprocess
import time

from .world import World

# What opens a library, and makes it where there is none.
OPEN = ("ls",)


def run(world: World, rounds: int) -> list[str]:
    world.files = world.files[-1:]
    reference = world.reference()
    library = world.library()
    started = time.monotonic()
    library.run(*OPEN)
    usual = time.monotonic() - started
    problems = []
    killed = 0
    for number in range(1, rounds + 1):
        library = world.library()
        process = subprocess.Popen(library.command(*OPEN), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(world.random.uniform(0, usual))
        process.kill()
        killed += process.wait() != 0
        library.add(world.files)
        problems += library.close([f"kill {number}: {problem}" for problem in library.judge(reference, {})])
    print(f"opening takes {usual * 1000:.0f} ms; of {rounds} that were killed in it, {killed} had not ended", flush=True)
    return problems if killed else [*problems, "every opening had ended before it was killed"]
