"""PostgreSQL is not heard of for a minute, as when a network is cut: connections stay open and nothing answers. No
process exits, uploads are answered with 503 and `Retry-After` meanwhile, all is connected again within 10 s, and nothing
is lost or doubled.
"""

import time

from .outages import reconnection, refusal
from .world import Process, Server, World, postgres

# Twice as long as a lease lasts.
SILENT = 60.0


def run(world: World, rounds: int) -> list[str]:
    if world.database != "postgres":
        raise SystemExit("partitions need --database postgres")
    reference = world.reference()
    problems = []
    for number in range(1, rounds + 1):
        library = world.library()
        server = Server(library)
        worker = Process(library.command("worker"))
        acknowledged = {path.name: server.upload(path) for path in world.files}
        time.sleep(world.random.uniform(0, reference.seconds))
        postgres("freeze")
        started = time.monotonic()
        try:
            found = refusal(server, world)
            refused = time.monotonic() - started
            time.sleep(max(0.0, SILENT - refused))
        finally:
            postgres("thaw")
        print(f"partition {number}: refused after {refused:.1f} s", flush=True)
        found += reconnection(server, f"partition {number}")
        found += [f"the {name} exited" for name, process in (("server", server), ("worker", worker)) if not process.is_running()]
        server.settle()
        worker.stop()
        server.stop()
        found += library.judge(reference, acknowledged)
        problems += library.close([f"partition {number}: {problem}" for problem in found])
    return problems
