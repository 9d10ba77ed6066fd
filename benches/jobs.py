"""What the same costs in Python: called by `cargo bench --bench jobs`, and prints rows of its table."""

import multiprocessing
import statistics
import time


def empty():
    return 7


def send(pipe):
    pipe.send(empty())


def with_process(context):
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=send, args=(theirs,))
    process.start()
    theirs.close()
    assert mine.recv() == 7
    process.join()
    mine.close()


def measure(name, work, rounds):
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    print(f"  {name:<34} {statistics.median(times) * 1e9:>12.1f} ns", flush=True)


if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    measure("multiprocessing.Process (fork)", lambda: with_process(fork), 200)
    try:
        import pebble
    except ImportError:
        print("  skipped: Pebble is not installed", flush=True)
    else:
        job = pebble.concurrent.process(context=fork)(empty)
        measure("pebble.concurrent.process (fork)", lambda: job().result(), 50)
        limited = pebble.concurrent.process(context=fork, timeout=60)(empty)
        measure("the same with a timeout", lambda: limited().result(), 50)
