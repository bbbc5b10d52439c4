"""SIGSTOP past the lease, then SIGCONT: what a sleeping worker had in hand is done by another, and
what it writes when it wakes is refused. PostgreSQL alone: on SQLite one process works.
"""

import os
import signal
import time

from .world import Process, Server, World, wait_for

# Leases last 30 s; whoever is silent for longer has lost its jobs.
ASLEEP = 36.0


def run(world: World, rounds: int) -> list[str]:
    if world.database != "postgres":
        raise SystemExit("pauses need --database postgres: on SQLite there is no second worker to take over")
    reference = world.reference()
    problems = []
    for number in range(1, rounds + 1):
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
        problems += library.judge(reference, acknowledged)
    return problems


def is_heard(server: Server, worker: Process) -> bool:
    known = {entry["pid"]: entry["status"] for entry in server.get("/api/v1/workers")["items"]}
    return known.get(worker.process.pid, "silent") != "silent"
