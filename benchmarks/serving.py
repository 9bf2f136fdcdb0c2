"""Measures `headstart serve` on loopback, beside the same bundle in one process.

    python benchmarks/serving.py BUNDLE PICTURES [--seconds S] [--rounds N] [--requests N]
                                 [--clients 1 4 16 64] [--json FILE]

PICTURES is a folder; up to 256 of its files are sent, one a request, over kept connections.

throughput   16 clients against the server, and `Classifier.predict` of the same bytes in a process
             of its own, in turns: pictures a second, and seconds of processor a picture (of the
             server and its decoding processes; the clients' are not counted)
latency      milliseconds from the first byte sent to the last received, at so many clients
overload     more clients than requests are worked on at once: who is answered, who is turned away
memory       resident megabytes of the server and its decoders over so many requests

Prints lines for a table; writes everything as JSON. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

KINDS = {".jpg", ".jpeg", ".png", ".webp"}
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

IN_PROCESS = """
import sys, time
from pathlib import Path
import headstart
classifier = headstart.load(sys.argv[1])
files = [Path(name).read_bytes() for name in sys.stdin.read().split("\\0")]
classifier.predict(files[:8])
end, done, cpu, start = float(sys.argv[2]), 0, time.process_time(), time.perf_counter()
while time.perf_counter() - start < end:
    classifier.predict(files)
    done += len(files)
print(done / (time.perf_counter() - start), (time.process_time() - cpu) / done)
"""


@dataclass
class Load:
    """What clients saw."""

    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        ordered = sorted(self.milliseconds) or [float("nan")]
        shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
        found = {k: ordered[int(s * (len(ordered) - 1))] for k, s in shares.items()}
        rate = self.statuses[200] / self.seconds
        return {"rate": rate, **found, "max": ordered[-1], "statuses": dict(self.statuses)}


class Served:
    """The server as a process of its own."""

    def __init__(self, bundle: Path, *options: str) -> None:
        command = [sys.executable, "-P", "-m", "headstart", "serve", str(bundle)]
        self.process = subprocess.Popen(
            [*command, "--port", "0", *options], stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr
        for line in self.process.stderr:
            if found := re.search(r"http://127.0.0.1:(\d+)/", line):
                self.port = int(found[1])
                return
        raise SystemExit("the server did not start")

    def processes(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        mine = [int(number) for number in children.split()]
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        for thread in threads:
            mine += [int(number) for number in (thread / "children").read_text().split()]
        return [self.process.pid, *sorted(set(mine))]

    def cpu(self) -> float:
        return sum(map(_cpu, self.processes()))

    def megabytes(self) -> float:
        return sum(map(_resident, self.processes())) / 2**20

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _resident(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE


def request(data: bytes) -> bytes:
    head = "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream"
    return f"{head}\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data


def load(port: int, requests: list[bytes], clients: int, go_on: Callable[[int], bool]) -> Load:
    """Clients that send one request after the other until ``go_on(number answered)`` says no."""
    seen, lock = Load(), threading.Lock()

    def client(number: int) -> None:
        order = random.Random(number)
        connection, replies = _connect(port)
        while go_on(sum(seen.statuses.values())):
            start = time.perf_counter()
            try:
                connection.sendall(order.choice(requests))
                status, closing = _reply(replies)
            except (OSError, ValueError):
                status, closing = 0, True
            spent = 1000 * (time.perf_counter() - start)
            with lock:
                seen.statuses[status] += 1
                if status == 200:
                    seen.milliseconds.append(spent)
            if closing:
                connection.close()
                connection, replies = _connect(port)
            if status == 503:
                time.sleep(order.uniform(0.5, 1.5))  # as retry-after asks for
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.seconds = time.perf_counter() - start
    return seen


def _connect(port: int) -> tuple[socket.socket, Any]:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection, connection.makefile("rb")


def _reply(replies: Any) -> tuple[int, bool]:
    status = int(replies.readline().split()[1])
    headers = {}
    while (line := replies.readline().strip().lower()) != b"":
        name, _, value = line.partition(b": ")
        headers[name] = value
    replies.read(int(headers[b"content-length"]))
    return status, headers.get(b"connection") == b"close"


def for_seconds(seconds: float) -> Callable[[int], bool]:
    end = time.perf_counter() + seconds
    return lambda answered: time.perf_counter() < end


def throughput(served: Served, requests: list[bytes], names: list[str], given: Any) -> Any:
    rounds = []
    for _ in range(given.rounds):
        command = [sys.executable, "-c", IN_PROCESS, str(given.bundle), str(given.seconds)]
        done = subprocess.run(
            command, input="\0".join(names), capture_output=True, text=True, check=True
        )
        rate, cpu = map(float, done.stdout.split())
        before = served.cpu()
        seen = load(served.port, requests, 16, for_seconds(given.seconds)).to_json()
        answered = sum(seen["statuses"].values())
        rounds.append(
            {
                "in_process": {"rate": rate, "cpu": cpu},
                "served": {**seen, "cpu": (served.cpu() - before) / answered},
            }
        )
    return {
        "rounds": rounds,
        "rate_ratio": median(r["served"]["rate"] / r["in_process"]["rate"] for r in rounds),
        "cpu_ratio": median(r["in_process"]["cpu"] / r["served"]["cpu"] for r in rounds),
    }


def memory(served: Served, requests: list[bytes], number: int) -> Any:
    marks: list[tuple[int, float]] = []
    step = max(1, number // 20)
    statuses: Counter[int] = Counter()
    for part in range(20):
        seen = load(served.port, requests, 8, lambda answered: answered < step)
        statuses += seen.statuses
        marks.append(((part + 1) * step, served.megabytes()))
    return {"megabytes": marks, "statuses": dict(statuses)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()

    files = [path for path in sorted(given.pictures.rglob("*")) if path.suffix.lower() in KINDS]
    files = sorted(random.Random(0).sample(files, min(256, len(files))))
    requests = [request(path.read_bytes()) for path in files]
    names = [str(path) for path in files]
    found: dict[str, Any] = {"machine": platform.processor(), "cores": os.cpu_count()}
    served = Served(given.bundle)
    try:
        load(served.port, requests, 4, for_seconds(2))
        found["throughput"] = throughput(served, requests, names, given)
        found["latency"] = {
            clients: load(served.port, requests, clients, for_seconds(given.seconds)).to_json()
            for clients in given.clients
        }
        found["overload"] = load(served.port, requests, 256, for_seconds(given.seconds)).to_json()
        found["memory"] = memory(served, requests, given.requests)
    finally:
        served.stop()
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    show(found)


def show(found: dict[str, Any]) -> None:
    whole = found["throughput"]
    rounds = whole["rounds"]
    print("| | pictures/s | processor ms/picture |\n|---|---|---|")
    for name in ("in_process", "served"):
        rate = median(one[name]["rate"] for one in rounds)
        cpu = 1000 * median(one[name]["cpu"] for one in rounds)
        print(f"| {name} | {rate:.1f} | {cpu:.2f} |")
    print(f"| ratio | {whole['rate_ratio']:.3f} | {whole['cpu_ratio']:.3f} |\n")
    print("| clients | pictures/s | p50 ms | p90 ms | p99 ms | max ms | statuses |")
    print("|---|---|---|---|---|---|---|")
    for clients, one in {**found["latency"], "256": found["overload"]}.items():
        times = " | ".join(f"{one[key]:.0f}" for key in ("p50", "p90", "p99", "max"))
        print(f"| {clients} | {one['rate']:.1f} | {times} | {one['statuses']} |")
    marks = found["memory"]["megabytes"]
    print(f"\nmemory: {marks[0][1]:.0f} MB after {marks[0][0]} requests, ", end="")
    print(f"{marks[-1][1]:.0f} MB after {marks[-1][0]}; {found['memory']['statuses']}")


if __name__ == "__main__":
    main()
