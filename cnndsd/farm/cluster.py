"""Work on the machines of a Dask cluster."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from typing import Any

from cnndsd.farm.executors import WorkerDied
from cnndsd.schema import Failed

# How often the cluster's workers are counted.
_COUNT_S = 5.0
# Workers that die while they are prepared are replaced by others so many times, after a pause each.
_TRIES, _PAUSE_S = 5, 1.0


class Cluster(Executor):
    """A Dask cluster, found by its scheduler's address such as ``tcp://10.0.0.1:8786``.

    Dask itself retries a task whose worker died; ``WorkerDied`` says that it gave up. ``Failed`` when no scheduler or
    no worker answers within ``patience_s`` seconds, or when the scheduler is lost for so long.
    """

    def __init__(self, address: str, patience_s: float = 30.0) -> None:
        import logging

        import distributed

        # What it logs is raised here as exceptions.
        for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = distributed.Client(address, timeout=patience_s, set_as_default=False)
            self._client.wait_for_workers(1, timeout=patience_s)
        except (OSError, TimeoutError, ValueError) as error:
            raise Failed(f"{address}: no Dask scheduler with workers answers ({error})") from None
        self._executor = self._client.get_executor(pure=False)
        self._died = (distributed.scheduler.KilledWorker, distributed.comm.CommClosedError)
        self._patience_s = patience_s
        self._gone = f"{address}: the scheduler is gone; run the same command again to continue"
        self._broken = False
        self._pending: set[Future[Any]] = set()
        self._threads = self._count_threads()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def capacity(self) -> int:
        """Two tasks for each thread that the cluster has at the moment, so that none waits for the next."""
        return 2 * max(1, self._threads)

    def _count_threads(self) -> int:
        """The threads of all workers. ``TimeoutError`` when the scheduler does not say in time: it may be stuck."""
        return sum(self._client.nthreads(callback_timeout=self._patience_s).values())

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the task on any worker of the cluster."""
        if self._broken:
            raise Failed(self._gone)
        outer: Future[Any] = Future()
        self._pending.add(outer)
        dask = self._executor.submit(fn, *args, **kwargs)

        def pass_on(done: Future[Any]) -> None:
            self._pending.discard(outer)
            # The caller may have cancelled it, or the lost scheduler may have failed it already.
            if (outer.done() and not outer.cancelled()) or not outer.set_running_or_notify_cancel():
                return
            if done.cancelled():
                outer.set_exception(Failed(self._gone))
                return
            error = done.exception()
            if error is None:
                outer.set_result(done.result())
            elif isinstance(error, self._died):
                outer.set_exception(WorkerDied(str(error)))
            else:
                outer.set_exception(_failure_of(error))

        outer.add_done_callback(lambda future: dask.cancel() if future.cancelled() else None)
        dask.add_done_callback(pass_on)
        return outer

    def prepare(self, fn: Callable[..., Any], /, *args: Any) -> None:
        """Call ``fn(*args)`` once on each machine of the cluster, before there is work.

        On a machine whose worker dies of something else meanwhile, another one takes its place.
        """
        done: Future[Any] = Future()
        _, gone = self._died

        def run() -> None:
            for tries in range(1, _TRIES + 1):
                try:
                    found = self._client.scheduler_info(-1)["workers"].items()
                    one_of_each = {worker["host"]: address for address, worker in found}
                    if not one_of_each:
                        raise gone("no worker is there")
                    done.set_result(self._client.run(fn, *args, workers=list(one_of_each.values())))
                    return
                except self._died as error:
                    if tries == _TRIES:
                        done.set_exception(error)
                        return
                    time.sleep(_PAUSE_S)
                except BaseException as error:
                    done.set_exception(error)
                    return

        # Dask would wait for ever when the scheduler is lost meanwhile.
        threading.Thread(target=run, daemon=True).start()
        while not wait([done], timeout=0.5).done:
            if self._broken:
                raise Failed(self._gone)
        if (error := done.exception()) is not None:
            raise _failure_of(error) from None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; tasks that still run are cancelled."""
        self._closed.set()
        self._client.close(timeout=2)

    def __exit__(self, exc_type: Any, value: Any, trace: Any) -> None:
        self.shutdown()

    def _watch(self) -> None:
        """Follow the size of the cluster, and give up a lost scheduler, for which Dask's client waits for ever.

        The client does not see that a scheduler is stuck, so an answer counts, and not its state alone.
        """
        seen = asked = time.monotonic()
        while not self._closed.wait(0.5):
            if self._client.status == "running" and time.monotonic() - asked > min(_COUNT_S, self._patience_s / 2):
                asked = time.monotonic()
                with suppress(OSError, TimeoutError, RuntimeError):
                    self._threads = self._count_threads()
                    seen = time.monotonic()
            if time.monotonic() - seen > self._patience_s:
                self._broken = True
                for future in list(self._pending):
                    if not future.done():
                        future.set_exception(Failed(self._gone))
                return


def _failure_of(error: BaseException) -> BaseException:
    """What a run raises for what a worker raised."""
    if isinstance(error, Failed | MemoryError):
        return error
    return Failed(f"a worker of the cluster cannot do this work ({error}); needed: this very cnndsd on all of them")
