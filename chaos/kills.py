"""SIGKILL at random moments, to a server, a worker or one reading process.

A library takes files in over HTTP while its processes are killed again and again, and started
again each time. In the end every acknowledged file must be there and its canonical text must
equal that of a library that was left alone.
"""

import os
import signal
import threading
import time

from .world import Process, Server, World, wait_for

# Kills that one library suffers before it is judged.
KILLS_PER_LIBRARY = 10
# Of these, reading processes: a page that costs three is set aside, and rightly so.
CHILDREN_PER_LIBRARY = 2


def run(world: World, kills: int) -> list[str]:
    reference = world.reference()
    problems = []
    done = 0
    while done < kills:
        some = min(KILLS_PER_LIBRARY, kills - done)
        library = world.library()
        victims = Victims(world, library, reference.seconds / some)
        for number in range(done + 1, done + some + 1):
            print(f"kill {number}: {victims.kill_one()}", flush=True)
        done += some
        acknowledged = victims.finish()
        problems += library.close(victims.late + library.judge(reference, acknowledged))
    return problems


class Victims:
    """The processes of one library, and a client that gives them every file until it is acknowledged."""

    def __init__(self, world: World, library, pause: float) -> None:
        self.world = world
        self.library = library
        self.pause = pause
        self.children_killed = 0
        self.late: list[str] = []
        self.acknowledged: dict[str, str] = {}
        self.server = Server(library)
        self.worker = self.start_worker()
        files = list(world.files)
        world.random.shuffle(files)
        self.client = threading.Thread(target=self.upload_all, args=(files,), daemon=True)
        self.client.start()

    def start_worker(self) -> Process | None:
        return Process(self.library.command("worker")) if self.world.database == "postgres" else None

    def upload_all(self, files) -> None:
        for path in files:
            while (id := self.server.upload(path)) is None:
                # Broken samples are taken, too: what is refused at the door is no PDF.
                time.sleep(0.05)
            self.acknowledged[path.name] = id

    def kill_one(self) -> str:
        time.sleep(self.world.random.uniform(0, 2 * self.pause))
        chance = self.world.random.random()
        children = self.server.children() + (self.worker.children() if self.worker else [])
        if children and chance < 0.3 and self.children_killed < CHILDREN_PER_LIBRARY:
            self.children_killed += 1
            try:
                os.kill(self.world.random.choice(children), signal.SIGKILL)
            except ProcessLookupError:
                return "nothing: the process had ended"
            return "a reading process"
        if self.worker and chance < 0.6:
            self.worker.kill()
            self.worker = self.start_worker()
            return "the worker"
        self.server.kill()
        self.server = Server(self.library)
        return "the server"

    def finish(self) -> dict[str, str]:
        """Lets all work end, ends the processes in order, and returns what was acknowledged."""
        wait_for("every file to be acknowledged", lambda: not self.client.is_alive())
        self.server.settle()
        if (replayed := self.server.replay()) > 0:
            # On PostgreSQL nobody can tell who ended a worker: a job that lost three is set aside, and rightly so.
            print(f"set aside, and tried again by hand: {replayed}", flush=True)
            self.server.settle()
        for process in filter(None, (self.worker, self.server)):
            seconds = process.stop()
            if seconds > 10:
                self.late.append(f"a stop took {seconds:.0f} s")
        return self.acknowledged
