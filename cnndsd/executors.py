"""Where work units run: in this process, or over worker processes. Anything with ``submit`` will do."""

import multiprocessing
import signal
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
    """Spawned worker processes: forking a process that has started threads or a JIT is unsafe."""

    def __init__(self, jobs: int) -> None:
        super().__init__(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_signals_to_parent)

    def __exit__(self, kind: Any, value: Any, trace: Any) -> bool | None:
        # On an error or Ctrl-C nobody waits for what was begun.
        if kind is not None:
            workers = list((self._processes or {}).values())
            self.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.terminate()
            return None
        return super().__exit__(kind, value, trace)


def _leave_signals_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def executor(jobs: int) -> Executor:
    """The executor for so many jobs at once."""
    return InProcess() if jobs == 1 else Processes(jobs)
