"""Mistreats Pagemill and checks that nothing is lost, nothing doubled, and all of it said.

    scripts/chaos --kills 20                        # SIGKILL at random moments (the default: 20)
    scripts/chaos --kills 3000 --database postgres  # with a worker beside the server
    scripts/chaos --pauses 5 --database postgres    # a worker asleep past its lease
    scripts/chaos --outages 20 --database postgres  # the database crashes and comes back
    scripts/chaos --partitions 2 --database postgres  # the database is not heard of for a minute
    scripts/chaos --migrations 50                   # SIGKILL while a library is made, step by step
    scripts/chaos --disk 20                         # a full disk (needs root)
    scripts/chaos --clock 20                        # the clock of the day jumps (needs `faketime`)
    scripts/chaos --poison 20                       # files that mean harm among ten times as many good ones
    scripts/chaos --soak 10000                      # many small documents

Each run prints its seed; `--seed` repeats its choices.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from . import clock, disk, kills, migrations, outages, partitions, pauses, poison, soak
from .world import ROOT, Process, World, postgres

SCENARIOS = {
    "kills": kills,
    "pauses": pauses,
    "outages": outages,
    "partitions": partitions,
    "migrations": migrations,
    "disk": disk,
    "clock": clock,
    "poison": poison,
    "soak": soak,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, module in SCENARIOS.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=(module.__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--binary", default=str(ROOT / "target/release/pagemill"))
    parser.add_argument("--files", nargs="+", default=[str(ROOT / "samples")])
    options = parser.parse_args()
    wanted = {name: count for name in SCENARIOS if (count := getattr(options, name)) is not None} or {"kills": 20}
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    if options.database == "postgres":
        postgres("start")
    failed = 0
    try:
        for name, count in wanted.items():
            print(f"{name}: {count}, {options.database}, seed {seed}", flush=True)
            with tempfile.TemporaryDirectory(prefix="pagemill-chaos-", ignore_cleanup_errors=True) as folder:
                world = World(options.binary, options.files, options.database, seed, Path(folder))
                try:
                    problems = SCENARIOS[name].run(world, count)
                finally:
                    Process.end_all()
            for problem in problems:
                print(f"PROBLEM: {problem}")
            print(f"{name}: {count}, {options.database}, seed {seed}: {len(problems)} problems", flush=True)
            failed += len(problems)
    finally:
        if options.database == "postgres":
            postgres("stop")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
