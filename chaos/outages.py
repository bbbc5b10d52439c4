"""PostgreSQL ends as in a power cut and comes back: no process exits, uploads are answered with 503 and
`Retry-After` meanwhile, all is connected again within 10 s, and nothing is lost or doubled.
"""

import time
import urllib.error
import urllib.request

from .world import Server, World, postgres, wait_for


def run(world: World, rounds: int) -> list[str]:
    if world.database != "postgres":
        raise SystemExit("outages need --database postgres")
    reference = world.reference()
    library = world.library()
    server = Server(library)
    problems = []
    acknowledged: dict[str, str] = {}
    files = list(world.files)
    for number in range(1, rounds + 1):
        for path in files[: max(1, len(files) // rounds)]:
            if server.acknowledges(path, acknowledged):
                files.remove(path)
        time.sleep(world.random.uniform(0, reference.seconds / rounds))
        postgres("crash")
        problems += refusal(server, world)
        postgres("start")
        problems += [f"outage {number}: {problem}" for problem in reconnection(server, f"outage {number}")]
        if not server.is_running():
            raise SystemExit("the server exited with the database")
    for path in files:
        wait_for(f"{path.name} to be acknowledged", lambda: server.acknowledges(path, acknowledged))
    server.settle()
    server.stop()
    return problems + library.judge(reference, acknowledged)


def reconnection(server: Server, what: str) -> list[str]:
    """How soon the server is well again after its database."""
    seconds = wait_for("the server to be ready again", lambda: server.get("/readyz")["status"] == "ok")
    print(f"{what}: ready {seconds:.1f} s after the database", flush=True)
    return [f"it took {seconds:.0f} s to connect again"] if seconds > 10 else []


def refusal(server: Server, world: World) -> list[str]:
    """What an upload is told while the database is away."""
    path = world.files[0]
    request = urllib.request.Request(
        f"{server.url}/api/v1/documents?name=away.pdf", path.read_bytes(), {"content-type": "application/pdf"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [f"an upload was answered with {answer.status} while the database was away"]
    except urllib.error.HTTPError as error:
        if error.code != 503 or "retry-after" not in error.headers:
            return [f"an upload was answered with {error.code}, Retry-After: {error.headers.get('retry-after')}"]
        return []
