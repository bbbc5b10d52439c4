"""A disk that is full again and again (a small file system on a loop mount; needs root): uploads are
answered with 507, reading goes on, work waits and goes on by itself, and the database stays whole.
"""

import os
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from .world import Library, Server, World, wait_for

MEGABYTES = 160


def run(world: World, rounds: int) -> list[str]:
    if os.geteuid() != 0 or world.database != "sqlite":
        raise SystemExit("a small disk needs root and SQLite")
    reference = world.reference()
    image, disk = world.folder / "disk.img", world.folder / "disk"
    with open(image, "wb") as file:
        file.truncate(MEGABYTES << 20)
    disk.mkdir()
    sh("mkfs.ext4", "-q", "-m", "0", str(image))
    sh("mount", "-o", "loop", str(image), str(disk))
    try:
        return fill_and_free(world, reference, disk, rounds)
    finally:
        sh("umount", str(disk))


def fill_and_free(world: World, reference, disk: Path, rounds: int) -> list[str]:
    library = Library(world.binary, ["--library", str(disk / "library")], world.folder)
    server = Server(library)
    try:
        acknowledged, problems = cycles(world, server, disk, rounds)
        server.settle()
        server.stop()
    finally:
        if server.is_running():
            server.kill()
    with closing(sqlite3.connect(f"file:{disk}/library/library.db?mode=ro", uri=True)) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        problems.append(f"integrity check: {verdict}")
    return problems + library.judge(reference, acknowledged)


def cycles(world: World, server: Server, disk: Path, rounds: int) -> tuple[dict[str, str], list[str]]:
    acknowledged: dict[str, str] = {}
    problems = []
    files = list(world.files)
    for number in range(1, rounds + 1):
        if files:
            path = files.pop()
            wait_for(f"{path.name} to be acknowledged", lambda: server.acknowledges(path, acknowledged))
        time.sleep(world.random.uniform(0, 0.5))
        filler = fill(disk)
        status = upload_status(server, world)
        listed = len(server.get("/api/v1/documents?limit=100")["items"])
        print(f"full {number}: an upload is answered with {status}, {listed} documents are listed", flush=True)
        if status != 507:
            problems.append(f"full {number}: an upload was answered with {status}")
        if listed < len(acknowledged):
            problems.append(f"full {number}: {listed} of {len(acknowledged)} documents are listed")
        filler.unlink()
        if not server.is_running():
            raise SystemExit("the server exited with the disk full")
    for path in files:
        wait_for(f"{path.name} to be acknowledged", lambda: server.acknowledges(path, acknowledged))
    return acknowledged, problems


def fill(disk: Path) -> Path:
    """Takes every byte that is left."""
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2
    return filler


def upload_status(server: Server, world: World) -> int:
    """What the upload of a file that is not there yet is answered with."""
    body = world.files[0].read_bytes() + b"\n%" + os.urandom(8).hex().encode()
    request = urllib.request.Request(
        f"{server.url}/api/v1/documents?name=full.pdf", body, {"content-type": "application/pdf"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def sh(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
