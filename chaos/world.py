"""Libraries to be mistreated, and how they are judged afterwards."""

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_WAIT = 600.0


class World:
    """What every scenario has: the program, the files, a folder, chance."""

    # Of the libraries of all scenarios, which may use one database server.
    numbers = itertools.count(1)

    def __init__(self, binary: str, files: list[str], database: str, seed: int, folder: Path) -> None:
        self.binary = str(Path(binary).resolve())
        self.files = pdfs(files)
        self.database = database
        self.random = random.Random(seed)
        self.folder = folder

    def library(self) -> "Library":
        """A library that nothing else uses."""
        number = next(self.numbers)
        flags = ["--library", str(self.folder / f"library{number}")]
        if self.database == "postgres":
            flags += ["--database", postgres("database", f"chaos_{os.getpid()}_{number}")]
        return Library(self.binary, flags, self.folder)

    def reference(self) -> "Reference":
        """What a library looks like that takes the files in undisturbed, and how long that takes."""
        library = self.library()
        started = time.monotonic()
        library.add(self.files)
        seconds = time.monotonic() - started
        dump = library.dump()
        print(f"reference: {len(self.files)} files in {seconds:.1f} s, {len(dump.splitlines())} lines", flush=True)
        return Reference(dump, seconds)


class Reference:
    def __init__(self, dump: str, seconds: float) -> None:
        self.dump = dump
        self.seconds = seconds


class Library:
    """A library, by the flags that name it."""

    def __init__(self, binary: str, flags: list[str], folder: Path) -> None:
        self.binary = binary
        self.flags = flags
        self.folder = folder

    def command(self, *words: str) -> list[str]:
        return [self.binary, *self.flags, *words]

    def run(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=LONGEST_WAIT)

    def add(self, files: list[Path]) -> None:
        """Takes files in to the end; exit code 4 is for samples that are broken on purpose."""
        done = self.run("add", *map(str, files), "--wait", "--json")
        if done.returncode not in (0, 4):
            raise SystemExit(f"add ended with {done.returncode}: {done.stderr.strip()}")

    def dump(self) -> str:
        """The canonical text of the library: sorted, without times and random ids."""
        done = self.run("dump")
        if done.returncode != 0:
            raise SystemExit(f"dump ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def judge(self, reference: Reference, acknowledged: dict[str, str]) -> list[str]:
        """What is wrong with it: documents that were acknowledged and are not there, a dump unlike the reference."""
        problems = []
        listed = {line["id"] for line in json.loads(self.run("ls", "--json").stdout)["documents"]}
        lost = {name: id for name, id in acknowledged.items() if id not in listed}
        if lost:
            problems.append(f"LOST: {lost}")
        found = self.dump()
        if found != reference.dump:
            (self.folder / "reference.txt").write_text(reference.dump)
            (self.folder / "found.txt").write_text(found)
            problems.append(difference(reference.dump, found))
        doctor = self.run("doctor")
        if doctor.returncode != 0:
            problems.append(f"doctor: {doctor.stdout}")
        return problems + self.uneven()

    def close(self, problems: list[str]) -> list[str]:
        """Says what is wrong at once, since a long run may be cut short, or takes the folder away so that it does not fill the disk."""
        if problems:
            print(f"{' '.join(self.flags)}: {problems}", flush=True)
        else:
            shutil.rmtree(self.flags[1])
        return problems

    def uneven(self) -> list[str]:
        """Tasks whose ledger does not count every page once."""
        problems = []
        for task in json.loads(self.run("tasks", "--json").stdout)["tasks"]:
            read = [stage for stage in task["ledger"] if stage["stage"] == "parse"]
            pages = sum(stage["done"] + stage["reused"] + stage["failed"] for stage in read)
            if task["status"] in ("completed", "partial") and pages != task["pages_total"]:
                problems.append(f"{task['id']} counts {pages} of {task['pages_total']} pages")
        return problems


class Process:
    """A running `serve` or `worker`, the leader of a group of its own."""

    started: list["Process"] = []

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
        Process.started.append(self)
        self.greeting = self.process.stdout.readline().strip()
        if not self.greeting:
            raise SystemExit(f"`{' '.join(command)}` did not start: it ended with {self.process.wait()}")

    @classmethod
    def end_all(cls) -> None:
        """Ends what still runs, as after a scenario that broke off."""
        for process in cls.started:
            if process.is_running():
                process.kill()
        cls.started.clear()

    def children(self) -> list[int]:
        return children_of(self.process.pid)

    def kill(self) -> None:
        """Ends it and its children as they stand."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> float:
        """Asks it to end; returns the seconds that took."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=60)
        return time.monotonic() - started

    def is_running(self) -> bool:
        return self.process.poll() is None


class Server(Process):
    """A running `serve`, and what it said of the files it was given."""

    def __init__(self, library: Library, *flags: str, environment: dict[str, str] | None = None) -> None:
        super().__init__(library.command("serve", "--bind", "127.0.0.1:0", *flags), environment)
        self.url = self.greeting.removeprefix("listening on ")

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def upload(self, path: Path) -> str | None:
        """The id under which a file was acknowledged, or nothing when it was not."""
        address = f"{self.url}/api/v1/documents?name={urllib.parse.quote(path.name)}"
        request = urllib.request.Request(address, path.read_bytes(), {"content-type": "application/pdf"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["documents"][0]["id"]
        except (OSError, ValueError):
            return None

    def acknowledges(self, path: Path, acknowledged: dict[str, str]) -> bool:
        """Uploads a file, and keeps its id where it was acknowledged."""
        if (id := self.upload(path)) is not None:
            acknowledged[path.name] = id
        return path.name in acknowledged

    def waits(self) -> int:
        """Tasks that have not ended."""
        return sum(len(self.get(f"/api/v1/tasks?status={status}&limit=100")["items"]) for status in ("queued", "processing"))

    def replay(self) -> int:
        """Tries again what was set aside for crashes, as a person would; returns how many jobs that was."""
        letters = self.get("/api/v1/dead-letters?limit=200")["items"]
        crashed = [letter["job"] for letter in letters if letter["crashes"] > 0]
        for job in crashed:
            request = urllib.request.Request(f"{self.url}/api/v1/dead-letters/{job}/replay", b"")
            urllib.request.urlopen(request, timeout=30).close()
        return len(crashed)

    def settle(self) -> None:
        """Waits until nothing is left to do."""
        wait_for("the work to end", lambda: self.waits() == 0)


def wait_for(what: str, is_so, longest: float = LONGEST_WAIT) -> float:
    """Waits until something is so; returns the seconds that took. What fails meanwhile is asked again."""
    started = time.monotonic()
    while True:
        try:
            if is_so():
                return time.monotonic() - started
        except (OSError, ValueError):
            pass
        if time.monotonic() - started > longest:
            raise SystemExit(f"waited {longest:.0f} s in vain for {what}")
        time.sleep(0.05)


def pdfs(paths: list[str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        found += sorted(path.glob("**/*.pdf")) if path.is_dir() else [path]
    return found


def postgres(*words: str) -> str:
    """Runs `scripts/postgres` for the server that syncs, and returns what it prints."""
    environment = {**os.environ, "PAGEMILL_POSTGRES": "durable"}
    done = subprocess.run([ROOT / "scripts/postgres", *words], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"scripts/postgres {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def children_of(process: int) -> list[int]:
    children = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children += [int(word) for word in path.read_text().split()]
        except OSError:
            pass  # that thread has ended
    return children


def difference(reference: str, found: str) -> str:
    wanted, got = set(reference.splitlines()), set(found.splitlines())
    missing, extra = sorted(wanted - got), sorted(got - wanted)
    doubled = len(found.splitlines()) - len(reference.splitlines())
    show = [f"- {line[:300]}" for line in missing[:5]] + [f"+ {line[:300]}" for line in extra[:5]]
    return "\n".join([f"{len(missing)} lines missing, {len(extra)} too many, {doubled:+} in all", *show])
