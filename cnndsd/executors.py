"""Where work units run: in this process, or over worker processes. Anything with ``submit`` will do."""

import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any


class InProcess(Executor):
    """Runs each unit at once, in the caller's process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the unit and return its finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes(ProcessPoolExecutor):
    """Spawned worker processes: forking a process that has started threads or a JIT is unsafe.

    They are started at once and load the farm while the caller gets ready.
    """

    def __init__(self, jobs: int) -> None:
        # Windows cannot wait for more than 61.
        jobs = min(jobs, 61) if os.name == "nt" else jobs
        super().__init__(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_serve_parent)
        for _ in range(jobs):
            self.submit(_load_farm)

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        # Nobody waits: on an error or Ctrl-C not for what was begun, and else all is done, but a process that holds a
        # compiler takes half a second to put it away.
        workers = list((self._processes or {}).values())
        self.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()


def _serve_parent() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it, whatever killed it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _load_farm() -> None:
    importlib.import_module("cnndsd.farm")


def _follow(parent: Any) -> None:
    parent.join()
    os._exit(1)


def executor(jobs: int) -> Executor:
    """The executor for so many jobs at once."""
    return InProcess() if jobs == 1 else Processes(jobs)
