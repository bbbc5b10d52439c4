"""SIGSTOP past the lease, then SIGCONT: what a sleeping worker had in hand is done by another, and
what it writes when it wakes is refused. PostgreSQL alone: on SQLite one process works.
"""

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from itertools import chain
from typing import NamedTuple

from .world import Process, Reference, Server, World, wait_for

# Leases last 30 s; whoever is silent for longer has lost its jobs.
ASLEEP = 36.0
# Within so many seconds of that another must have begun them.
AGAIN = 35.0

# Sleepers at a time, each beside a server and a library of its own: nearly all of it is waiting.
LANES = 8


def run(world: World, rounds: int) -> list[str]:
    if world.database != "postgres":
        raise SystemExit("pauses need --database postgres: on SQLite there is no second worker to take over")
    reference = world.reference()
    with ThreadPoolExecutor(LANES) as lanes:
        paused = list(lanes.map(lambda number: pause(world, reference, number), range(1, rounds + 1)))
    held = sum(pause.held for pause in paused)
    print(f"jobs in hand of those who fell asleep: {held}, running again after {max(pause.again for pause in paused):.0f} s at most")
    problems = list(chain.from_iterable(pause.problems for pause in paused))
    return problems if held or rounds < LANES else [*problems, "nobody who fell asleep had a job in hand"]


class Paused(NamedTuple):
    """What one sleep came to."""

    problems: list[str]
    # Jobs that were taken from the sleeper, and the longest time from its falling asleep to another having one.
    held: int
    again: float


def pause(world: World, reference: Reference, number: int) -> Paused:
    library = world.library()
    server = Server(library)
    sleeper = Process(library.command("worker"))
    acknowledged = {path.name: server.upload(path) for path in world.files}
    time.sleep(world.random.uniform(0, reference.seconds))
    group = os.getpgid(sleeper.process.pid)
    asleep = datetime.now(timezone.utc)
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
    attempts = [attempt for task in server.get("/api/v1/tasks?limit=100")["items"] for attempt in attempts_of(server, task)]
    server.stop()
    taken = [attempt["job"] for attempt in attempts if attempt["worker"] in sleeper.greeting and attempt["outcome"] == "crashed"]
    after = [
        (datetime.fromisoformat(attempt["started"].replace("Z", "+00:00")) - asleep).total_seconds()
        for attempt in attempts
        if attempt["job"] in taken and attempt["worker"] not in sleeper.greeting
    ]
    again = max(after, default=0.0)
    problems = [f"pause {number}: a job ran again only after {again:.0f} s"] if again > AGAIN else []
    done = Counter(attempt["job"] for attempt in attempts if attempt["outcome"] == "done")
    problems += [f"pause {number}: {job} was done {times} times" for job, times in done.items() if times > 1]
    return Paused(library.close(problems + library.judge(reference, acknowledged)), len(taken), again)


def attempts_of(server: Server, task: dict) -> list[dict]:
    return server.get(f"/api/v1/tasks/{task['id']}")["attempts"]


def is_heard(server: Server, worker: Process) -> bool:
    known = {entry["pid"]: entry["status"] for entry in server.get("/api/v1/workers")["items"]}
    return known.get(worker.process.pid, "silent") != "silent"
