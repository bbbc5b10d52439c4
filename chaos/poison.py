"""Files that mean harm among ten times as many good ones: all good ones end well, all others as dead letters with a reason."""

import collections
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .made import note, poison
from .world import Server, World

# Good files for each one that is not.
GOOD = 10
# A page may take so long: what never ends is to be found out soon.
PAGE_SECONDS = 2


def run(world: World, count: int) -> list[str]:
    library = world.library()
    settings = Path(library.flags[1])
    settings.mkdir(parents=True)
    (settings / "pagemill.toml").write_text(f"[limits]\npage_seconds = {PAGE_SECONDS}\n")
    folder = world.folder / "files"
    folder.mkdir()
    good = [note(folder, number) for number in range(count * GOOD)]
    bad = [poison(folder, number) for number in range(count)]
    files = good + bad
    world.random.shuffle(files)
    server = Server(library)
    with ThreadPoolExecutor(8) as pool:
        ids = dict(zip(files, pool.map(server.upload, files)))
    server.settle()
    problems = [f"{path.name} was refused" for path, id in ids.items() if id is None]
    ends = {task["document"]: task for task in items(server, "/api/v1/tasks?limit=100")}
    letters = {letter["document"]: letter for letter in items(server, "/api/v1/dead-letters?limit=100")}
    reasons = collections.Counter()
    for path, id in ids.items():
        task = ends.get(id, {"status": "unknown to the list of tasks", "error": None})
        status, error = task["status"], task["error"] or {}
        if path in good and status != "completed":
            problems.append(f"{path.name}, a good file, ended {status}: {error}")
        if path in bad:
            reasons[error.get("code")] += 1
            if status != "failed" or not (error.get("code") and error.get("message")):
                problems.append(f"{path.name}, a bad file, ended {status}: {error}")
            letter = letters.pop(id, None)
            if letter is None or (letter["error"] or {}).get("code") != error.get("code") or not letter["attempts"]:
                problems.append(f"{path.name}, a bad file, is no dead letter with its reason and attempts: {letter}")
    problems += [f"{letter['file']} is a dead letter, but no bad file" for letter in letters.values()]
    server.stop()
    print(f"{len(good)} good files, {len(bad)} that mean harm: {dict(reasons)}")
    return problems


def items(server: Server, path: str) -> list[dict]:
    """All that a list shows, part after part."""
    found, after = [], ""
    while True:
        part = server.get(path + after)
        found += part["items"]
        if not part.get("next"):
            return found
        after = f"&after={part['next']}"
