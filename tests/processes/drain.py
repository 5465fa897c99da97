"""Tell a server to stop in the middle of everything, and account for every request.

The law: every request whose bytes were fully sent before its connection announced
`Connection: close` gets exactly one complete answer; no connection is reset; new connections are
served or refused, never accepted and dropped.

    python -m tests.processes.drain [--runs N] [--signal NAME] [-- COMMAND ...]

COMMAND is another server, for comparison: {port} and {site} in it are replaced.  It must answer
/hello, /slow?ms=N and /echo as tests/example_server.py does, and serve the folder {site}.
"""

import argparse
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.processes import clients
from tests.processes.load import Account, Load
from tests.processes.server import ServerProcess, example_server, free_port
from tests.site_folder import fill

# Seconds after the first connections.
TASKS_BEGIN = 0.3  # slow requests, uploads, downloads, half heads
SIGNAL = 1.5
# Seconds after the signal.
HALF_HEADS_GO_ON = 0.5
DEADLINE = 20.0  # by then the server has exited, or we stop watching
# Seconds after the exit, for what is still on its way to us and for connects that wait for the
# repetition of a SYN.
AFTERMATH = 3.0
LOOK_INTERVAL = 0.005


@dataclass(frozen=True)
class Outcome:
    """What one drain came to."""

    account: Account
    exit_code: int | None  # None: it did not exit
    exit_time: float | None  # seconds after the signal
    log: str  # what the server wrote to standard error

    def __str__(self) -> str:
        account = self.account
        lines = [
            f"exit code {self.exit_code} after {self.exit_time} s",
            f"LOST {len(account.lost)} (race {sum(loss.race for loss in account.lost)}), "
            f"cut while sending {len(account.cut)}, resets {len(account.resets)}, "
            f"new dropped {len(account.dropped)}, neither accepted nor refused "
            f"{len(account.unconnected)}, surplus {len(account.surplus)}, "
            f"refused {account.refused}",
            f"in flight at the signal {dict(account.in_flight)}",
            f"answered {dict(account.answered)}",
            f"of these after the signal {dict(account.answered_after)}",
            f"told close {dict(account.told)}, closed untold {dict(account.untold)}",
        ]
        for name in ("lost", "cut", "dropped", "unconnected", "resets", "surplus"):
            happened = getattr(account, name)
            lines += [f"  {name}: {one}" for one in happened[:12]]
            if len(happened) > 12:
                lines.append(f"  {name}: ... and {len(happened) - 12} more")
        return "\n".join(lines)


def drain(server: ServerProcess, number: int = signal.SIGTERM) -> Outcome:
    """Put `server` under load, send it signal `number`, watch until nothing can happen any more."""
    load = Load(server.address)
    half_heads: list[clients.HalfHead] = []

    def begin_tasks() -> None:
        for kind, count in ((clients.Slow, 4), (clients.Upload, 3), (clients.Download, 2)):
            for _ in range(count):
                kind(load)
        half_heads.extend(clients.HalfHead(load) for _ in range(3))

    def stop_server() -> None:
        load.note_in_flight()
        load.signalled = server.signal(number)
        load.later(HALF_HEADS_GO_ON, go_on)
        load.later(DEADLINE, give_up)
        look()

    def go_on() -> None:
        for half_head in half_heads:
            half_head.go_on()

    def give_up() -> None:
        load.over = True

    def look() -> None:
        if not server.over.is_set():
            load.later(LOOK_INTERVAL, look)
            return
        assert server.ended is not None
        settled = not load.connections and load.account.refused > 0
        load.over = settled or time.monotonic() > server.ended + AFTERMATH
        load.later(LOOK_INTERVAL, look)

    for kind, count in ((clients.KeepAlive, 8), (clients.Pipelining, 4), (clients.Idle, 20)):
        for _ in range(count):
            kind(load)
    clients.Newcomers(load)
    load.later(TASKS_BEGIN, begin_tasks)
    load.later(SIGNAL, stop_server)
    load.run()

    assert load.signalled is not None
    ended = server.ended
    exit_time = None if ended is None else round(ended - load.signalled, 4)
    return Outcome(load.account, server.code, exit_time, server.log)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.processes.drain")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--signal", default="TERM", help="TERM, INT, ...")
    parser.add_argument("command", nargs="*", help="another server; {port} and {site} are replaced")
    options = parser.parse_args(arguments)
    number = signal.Signals[f"SIG{options.signal}"]
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        site = fill(Path(folder))
        for _ in range(options.runs):
            if options.command:
                port = free_port()
                words = {"port": port, "site": str(site)}
                command = [word.format(**words) for word in options.command]
                server = ServerProcess(command, port)
            else:
                server = ServerProcess(example_server(site))
            with server:
                outcome = drain(server, number)
            print(outcome, flush=True)
            account = outcome.account
            faults += len(account.lost) + len(account.cut) + len(account.resets)
            faults += len(account.dropped) + len(account.unconnected) + len(account.surplus)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
