"""A Python program that uses SIGALRM and loads a library that arms alarms. Run by tests/python.rs."""

import ctypes
import signal
import sys
import threading
import time

library = ctypes.CDLL(sys.argv[1])
library.compute.restype = ctypes.c_int64
library.compute.argtypes = [ctypes.c_uint64]

calls = []


def handler(signum, frame):
    calls.append(time.monotonic())


signal.signal(signal.SIGALRM, handler)

# A limit in the library does not call Python's handler.
took = library.compute(50)
assert took >= 50_000, took
assert calls == [], calls
assert signal.getsignal(signal.SIGALRM) is handler

# Python's timer expires during a library call. Python calls its handler after the call, between its own instructions.
began = time.monotonic()
signal.setitimer(signal.ITIMER_REAL, 0.05)
assert library.compute(200) >= 200_000
for _ in range(100):
    pass
assert len(calls) == 1, calls
assert calls[0] - began >= 0.2

# Python's timer expires after the library call: on time, and once.
began = time.monotonic()
signal.setitimer(signal.ITIMER_REAL, 0.2)
library.compute(20)
assert signal.getitimer(signal.ITIMER_REAL)[0] <= 0.18
while len(calls) < 2:
    time.sleep(0.01)
assert calls[1] - began >= 0.2, calls[1] - began
assert signal.getitimer(signal.ITIMER_REAL)[0] == 0

# The library works on a second thread, where Python refuses `signal.signal`.
answers = []
thread = threading.Thread(target=lambda: answers.append(library.compute(50)))
thread.start()
thread.join()
assert answers[0] >= 50_000, answers
assert len(calls) == 2

# After the library calls Python's alarm still raises.
def raises(signum, frame):
    raise TimeoutError

signal.signal(signal.SIGALRM, raises)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    time.sleep(10)
    sys.exit("Python's alarm did not expire")
except TimeoutError:
    print("well")
