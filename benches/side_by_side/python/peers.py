"""Measures the same in Python and prints one JSON value. Called by sigalarm-benches.

    peers.py versions
    peers.py arm|jobs ROUNDS
    peers.py notice LIMIT_US TRIES
    peers.py transfer SIZE... ROUNDS
"""

import json
import multiprocessing
import platform
import signal
import statistics
import sys
import time

try:
    import pebble
except ImportError:
    pebble = None


class TimedOut(Exception):
    pass


def time_out(_signal, _frame):
    raise TimedOut


def median_nanos(work, rounds, repeat=1):
    times = []
    for _ in range(rounds):
        began = time.perf_counter_ns()
        for _ in range(repeat):
            work()
        times.append((time.perf_counter_ns() - began) / repeat)
    return statistics.median(times)


def arm(rounds):
    """Installs a handler, arms and disarms a timer, and restores the handler."""

    def limit():
        old = signal.signal(signal.SIGALRM, time_out)
        signal.setitimer(signal.ITIMER_REAL, 60)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)

    return [["Python `signal` + `setitimer`", median_nanos(limit, rounds, 200)]]


def notice(limit_us, tries):
    """Returns the microseconds from the deadline to the exception in an empty loop."""
    signal.signal(signal.SIGALRM, time_out)
    limit = limit_us / 1e6
    late = []
    end = time.monotonic() + 15
    for _ in range(tries):
        if late and time.monotonic() > end:
            break
        began = time.perf_counter_ns()
        try:
            signal.setitimer(signal.ITIMER_REAL, limit)
            while True:
                pass
        except TimedOut:
            late.append((time.perf_counter_ns() - began) / 1e3 - limit_us)
    return late


def send(pipe, size):
    pipe.send(b"x" * size if size else 7)


def with_process(context, size):
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=send, args=(theirs, size))
    process.start()
    theirs.close()
    value = mine.recv()
    assert value == 7 or len(value) == size
    process.join()
    mine.close()


def seven():
    return 7


def jobs(rounds):
    fork = multiprocessing.get_context("fork")
    rows = [["Python `multiprocessing.Process` (fork)", median_nanos(lambda: with_process(fork, 0), rounds)]]
    if pebble:
        job = pebble.concurrent.process(context=fork, timeout=60)(seven)
        rows.append(["Pebble `concurrent.process` (fork), a timeout", median_nanos(lambda: job().result(), rounds)])
    return rows


def transfer(sizes, rounds):
    fork = multiprocessing.get_context("fork")
    return [[size, median_nanos(lambda: with_process(fork, size), rounds)] for size in sizes]


def versions():
    found = {"Python": platform.python_version()}
    if pebble:
        from importlib.metadata import version

        found["Pebble"] = version("pebble")
    return found


def main(what, *numbers):
    numbers = [int(n) for n in numbers]
    if what == "transfer":
        return transfer(numbers[:-1], numbers[-1])
    return {"versions": versions, "arm": arm, "jobs": jobs, "notice": notice}[what](*numbers)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
