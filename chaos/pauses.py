"""SIGSTOP past the lease, then SIGCONT: what a sleeping worker had in hand is done by another, and
what it writes when it wakes is refused. PostgreSQL alone: on SQLite one process works.
"""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from .world import Process, Reference, Server, World, wait_for

# Leases last 30 s; whoever is silent for longer has lost its jobs.
ASLEEP = 36.0


# Sleepers at a time, each beside a server and a library of its own: nearly all of it is waiting.
LANES = 8


def run(world: World, rounds: int) -> list[str]:
    if world.database != "postgres":
        raise SystemExit("pauses need --database postgres: on SQLite there is no second worker to take over")
    reference = world.reference()
    with ThreadPoolExecutor(LANES) as lanes:
        return list(chain.from_iterable(lanes.map(lambda number: pause(world, reference, number), range(1, rounds + 1))))


def pause(world: World, reference: Reference, number: int) -> list[str]:
    library = world.library()
    server = Server(library)
    sleeper = Process(library.command("worker"))
    acknowledged = {path.name: server.upload(path) for path in world.files}
    time.sleep(world.random.uniform(0, reference.seconds))
    group = os.getpgid(sleeper.process.pid)
    os.killpg(group, signal.SIGSTOP)
    started = time.monotonic()
    server.settle()
    recovered = time.monotonic() - started
    time.sleep(max(0.0, ASLEEP - recovered))
    os.killpg(group, signal.SIGCONT)
    wait_for("the sleeper to be heard of", lambda: is_heard(server, sleeper))
    print(f"pause {number}: the work of the sleeper was done {recovered:.0f} s after it fell asleep", flush=True)
    sleeper.stop()
    server.settle()
    server.stop()
    return library.close(library.judge(reference, acknowledged))


def is_heard(server: Server, worker: Process) -> bool:
    known = {entry["pid"]: entry["status"] for entry in server.get("/api/v1/workers")["items"]}
    return known.get(worker.process.pid, "silent") != "silent"
