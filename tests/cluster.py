"""A Dask cluster of real processes on this machine."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

_processes = []


def running():
    """The processes of clusters that run."""
    return [process for process in _processes if process.poll() is None]


def _wait_for(address, scheduler, workers):
    """Until the workers have joined, however slow the machine is: what a test bounds in time begins then."""
    from distributed import Client

    ends = time.monotonic() + 120
    while True:
        assert scheduler.poll() is None
        try:
            with Client(address, timeout=5, set_as_default=False) as client:
                if workers:
                    client.wait_for_workers(workers, timeout=ends - time.monotonic())
                return
        except OSError:
            assert time.monotonic() < ends


@contextmanager
def local(folder, workers=2, environment=None):
    """The scheduler's address, and the processes (nannies) that keep the workers alive."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    everything = {**os.environ, **(environment or {})}
    processes = []

    def begin(name, *words):
        command = [sys.executable, "-m", f"distributed.cli.dask_{name.rstrip('0123456789')}", *words]
        with (folder / f"{name}.log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, env=everything, start_new_session=True
            )
        processes.append(process)
        _processes.append(process)
        return process

    try:
        scheduler = begin("scheduler", "--host", address, "--no-dashboard", "--no-show")
        nannies = [
            begin(f"worker{n}", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder / f"{n}"))
            for n in range(workers)
        ]
        _wait_for(address, scheduler, workers)
        yield address, nannies
    finally:
        for process in processes:
            try:
                os.killpg(process.pid, 9)
            except ProcessLookupError:
                continue
            process.wait()
