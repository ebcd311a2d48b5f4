"""Where work units run: in this process, over worker processes, or on a cluster. Anything with ``submit`` will do.

An executor of ours fails a unit with ``WorkerDied`` when its worker died under it, and runs the others on.
"""

import gc
import importlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from multiprocessing import resource_tracker
from typing import Any, NamedTuple

from cnndsd.schema import Failed

# A worker that has not loaded the farm after this long is stuck.
_START_S = 300.0
_START_TRIES = 5
# One process is started or put away at a time: multiprocessing's own list of them is not made for threads.
_STARTING = threading.Lock()
_NAMES = {number.value: number.name for number in signal.Signals}


class WorkerDied(Exception):
    """The process that did the work died of it, or hung; the message says how."""


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

    def prepare(self, fn: Callable[..., Any], /, *args: Any) -> None:
        """Call this once, before there is work."""
        fn(*args)


class _Task(NamedTuple):
    future: Future[Any]
    work: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Processes(Executor):
    """Spawned worker processes, one unit in each at a time: one that dies, or hangs, loses only its unit.

    Forking a process that has started threads or a JIT is unsafe, so they are spawned; at once, to load the farm while
    the caller gets ready. A unit that takes longer than ``hang_s`` is taken for endless, and its worker killed.
    ``BrokenExecutor`` when workers cannot even start.
    """

    def __init__(self, jobs: int, hang_s: float = 600.0) -> None:
        self.hang_s = hang_s
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._broken: str | None = None
        self._closing = False
        self._workers: list[_Worker | None] = [None] * jobs  # the last of each slot
        self._threads = [threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in range(jobs)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the unit in the next worker that is free."""
        if self._broken is not None:
            raise BrokenExecutor(self._broken)
        if self._closing:
            raise RuntimeError("no more work after the executor was shut down")
        future: Future[Any] = Future()
        self._tasks.put(_Task(future, (fn, args, kwargs)))
        if self._broken is not None:
            # It broke meanwhile, and nobody will come for the task.
            self._fail_all()
        return future

    def prepare(self, fn: Callable[..., Any], /, *args: Any) -> None:
        """Call this once on the workers' machine, before there is work; that is here."""
        fn(*args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers when they have done what was submitted, or at once what they do now."""
        self._closing = True
        if cancel_futures:
            for task in self._drain():
                task.future.cancel()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        # Nobody waits: on an error or Ctrl-C not for what was begun, and else all is done, but a process that holds a
        # compiler takes half a second to put it away.
        self.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            if worker is not None:
                worker.kill()
        for thread in self._threads:
            thread.join(5.0)

    def _serve(self, slot: int) -> None:
        """The life of one slot: a worker, another when that died, and the tasks they do."""
        worker = None
        while worker := worker or self._start(slot):
            task = self._tasks.get()
            if task is None:
                worker.kill()
                return
            if not task.future.set_running_or_notify_cancel():
                continue
            try:
                if not worker.take(task.work):
                    # It had died before, of something else: the task is not to blame.
                    worker = self._start(slot)
                    if worker is None or not worker.take(task.work):
                        raise WorkerDied("no worker stays alive")
                result = worker.result(self.hang_s)
            except WorkerDied as died:
                worker = None
                task.future.set_exception(died)
            except Exception as error:
                task.future.set_exception(error)
            else:
                task.future.set_result(result)

    def _start(self, slot: int) -> "_Worker | None":
        """Start a worker, which may fail some times; None when there shall be none."""
        how = ""
        for _ in range(_START_TRIES):
            if self._closing or self._broken is not None:
                return None
            try:
                worker = self._workers[slot] = _Worker()
                if self._closing:
                    # Who closes may have come too early to see this one.
                    worker.kill()
                worker.receive(_START_S)
            except (WorkerDied, OSError) as error:
                how = str(error)
                time.sleep(0.5)
            else:
                return worker
        if not self._closing:
            self._broken = f"a worker process cannot start ({how}); fewer --jobs need less memory"
            self._fail_all()
        return None

    def _fail_all(self) -> None:
        for task in self._drain():
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(BrokenExecutor(self._broken))
        for _ in self._threads:
            self._tasks.put(None)

    def _drain(self) -> Iterator[_Task]:
        while True:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                return
            if task is not None:
                yield task


class _Worker:
    """One process, and the pipe to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)
        self._hung = 0.0
        with _STARTING:
            if hasattr(signal, "pthread_sigmask"):
                # A process inherits what the thread that starts it blocks: Ctrl-C is for the parent, even while a
                # worker starts. The start of multiprocessing's tracker, which comes first, would unblock it again.
                resource_tracker.ensure_running()
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            self._process.start()
        theirs.close()

    def take(self, work: Any) -> bool:
        """Give it something to do; False when it is dead already."""
        try:
            self._pipe.send(work)
        except OSError:
            return False
        return True

    def result(self, patience_s: float) -> Any:
        """What came of the work: its result, its exception, or ``WorkerDied``."""
        done, result = self.receive(patience_s)
        if done:
            return result
        # What ends a process (SystemExit) must not end this one.
        raise result if isinstance(result, Exception) else WorkerDied(f"raised {type(result).__name__}")

    def receive(self, patience_s: float) -> Any:
        """What the worker says next; it is killed when it says nothing for so long."""
        watchdog = threading.Timer(patience_s, self._give_up, (patience_s,))
        watchdog.daemon = True
        watchdog.start()
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            raise WorkerDied(self._how()) from None
        finally:
            watchdog.cancel()

    def kill(self) -> None:
        """End the process; whoever waits for it is told that it died."""
        self._process.kill()

    def _give_up(self, patience_s: float) -> None:
        self._hung = patience_s
        self.kill()

    def _how(self) -> str:
        with _STARTING:
            self._process.join(2.0)
            if self._process.exitcode is None:
                self._process.kill()
                self._process.join(2.0)
        code = self._process.exitcode
        self._pipe.close()
        if self._hung:
            return f"hung for {self._hung:g} s"
        if code is not None and code < 0:
            return f"killed by {_NAMES.get(-code, f'signal {-code}')}"
        return f"exited with {code}"


def _work(pipe: Any) -> None:
    """What a worker process does: load the farm, say so, and do what it is told until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    gc.set_threshold(100_000)  # as the command's own process, and for the same reason
    importlib.import_module("cnndsd.farm")
    pipe.send(True)
    while True:
        try:
            function, arguments, named = pipe.recv()
            reply = True, function(*arguments, **named)
        except EOFError:
            return
        except BaseException as error:
            reply = False, error
        try:
            pipe.send(reply)
        except OSError:
            return
        except Exception as error:
            pipe.send((False, RuntimeError(f"a result that cannot be sent: {error}")))


def _follow(parent: Any) -> None:
    """Do not outlive the parent, whatever killed it."""
    parent.join()
    os._exit(1)


class Cluster(Executor):
    """A Dask cluster, found by its scheduler's address such as ``tcp://10.0.0.1:8786``.

    Dask itself tries again what a worker died of; ``WorkerDied`` says that it gave up. ``ConnectionError`` when no
    scheduler or no worker answers within ``patience_s``, and ``BrokenExecutor`` when the scheduler is gone for so long.
    """

    def __init__(self, address: str, patience_s: float = 30.0) -> None:
        import logging

        import distributed

        # It logs what is told here by exceptions.
        for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = distributed.Client(address, timeout=patience_s, set_as_default=False)
            self._client.wait_for_workers(1, timeout=patience_s)
        except (OSError, TimeoutError, ValueError) as error:
            raise ConnectionError(f"{address}: no Dask scheduler with workers answers ({error})") from None
        self._executor = self._client.get_executor(pure=False)
        self._died = (distributed.scheduler.KilledWorker, distributed.comm.CommClosedError)
        self._patience_s = patience_s
        self._gone = f"{address}: the scheduler is gone; the same command goes on"
        self._broken = False
        self._pending: set[Future[Any]] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def threads(self) -> int:
        """How many units run at once."""
        return sum(self._client.nthreads().values())

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the unit on any worker of the cluster."""
        if self._broken:
            raise BrokenExecutor(self._gone)
        told: Future[Any] = Future()
        self._pending.add(told)
        dask = self._executor.submit(fn, *args, **kwargs)

        def tell(done: Future[Any]) -> None:
            self._pending.discard(told)
            # Who waits may have cancelled it, or been told already that the scheduler is gone.
            if (told.done() and not told.cancelled()) or not told.set_running_or_notify_cancel():
                return
            if done.cancelled():
                told.set_exception(BrokenExecutor(self._gone))
                return
            error = done.exception()
            if error is None:
                told.set_result(done.result())
            elif isinstance(error, self._died):
                told.set_exception(WorkerDied(str(error)))
            else:
                told.set_exception(error if isinstance(error, Failed | MemoryError) else _unable(error))

        told.add_done_callback(lambda future: dask.cancel() if future.cancelled() else None)
        dask.add_done_callback(tell)
        return told

    def prepare(self, fn: Callable[..., Any], /, *args: Any) -> None:
        """Call this once on each machine of the cluster, before there is work."""
        one_of_each = {
            worker["host"]: address for address, worker in self._client.scheduler_info(-1)["workers"].items()
        }
        try:
            self._client.run(fn, *args, workers=list(one_of_each.values()))
        except Exception as error:
            raise _unable(error) from None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; what it still does for us is cancelled."""
        self._closed.set()
        self._client.close(timeout=2)

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        self.shutdown()

    def _watch(self) -> None:
        """Dask's client waits for a lost scheduler for ever; this does not."""
        seen = time.monotonic()
        while not self._closed.wait(0.5):
            if self._client.status == "running":
                seen = time.monotonic()
            elif time.monotonic() - seen > self._patience_s:
                self._broken = True
                for future in list(self._pending):
                    if not future.done():
                        future.set_exception(BrokenExecutor(self._gone))
                return


def _unable(error: BaseException) -> Failed:
    return Failed(f"a worker of the cluster cannot do this work ({error}); needed: this very cnndsd on all of them")


def cores() -> int:
    """The cores this process may use, which in a container can be fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
