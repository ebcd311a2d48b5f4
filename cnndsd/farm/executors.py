"""Executors: they run tasks in this process or in worker processes (``cluster``: on other machines).

They know nothing of the tasks. When a worker dies, its task fails with ``WorkerDied``, and all others run on.
"""

import ctypes
import importlib
import multiprocessing
import operator
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, NamedTuple, Protocol

from cnndsd import process
from cnndsd.schema import Failed, Invalid

MAX_JOBS = 1024
# A worker that has not started after this long is stuck.
_START_S = 300.0
_START_TRIES = 5
# How often silent workers are looked for.
_WATCH_S = 1.0
# One process is started or joined at a time: multiprocessing's own list of them is not made for threads.
_STARTING = threading.Lock()
_NAMES = {number.value: number.name for number in signal.Signals}


class WorkerDied(Exception):
    """The process that ran the task died or hung; the message says how."""


class Workers(Protocol):
    """What a search needs of an executor."""

    @property
    def capacity(self) -> int:
        """How many tasks to submit at a time so that no worker waits for the next; it may change."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args, **kwargs)`` and return its future."""

    def prepare(self, fn: Callable[..., Any], /, *args: Any) -> None:
        """Call ``fn(*args)`` once on each machine, before there is work."""


_NO_FAULT_OF_THE_TASK = (Failed, CancelledError)


def in_order(workers: Workers, fn: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Yield ``fn(*task)`` of each task, in their order; only a few are in memory at a time.

    A task that fails is tried once more. One that fails again yields its exception, unless that is no fault of the
    task: such an exception is raised.
    """
    waiting: deque[tuple[tuple[Any, ...], Future[Any]]] = deque()
    rest = iter(tasks)
    while True:
        while len(waiting) < workers.capacity and (task := next(rest, None)) is not None:
            waiting.append((task, workers.submit(fn, *task)))
        if not waiting:
            return
        task, future = waiting.popleft()
        error = future.exception()
        if error is not None and not isinstance(error, _NO_FAULT_OF_THE_TASK):
            future = workers.submit(fn, *task)
            error = future.exception()
        if isinstance(error, _NO_FAULT_OF_THE_TASK) or (error is not None and not isinstance(error, Exception)):
            raise error
        yield future.result() if error is None else error


class InProcess(Executor):
    """Runs each task at once, in the caller's process."""

    capacity = 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the task and return its finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def prepare(self, fn: Callable[..., Any], /, *args: Any) -> None:
        """Call ``fn(*args)`` once, before there is work."""
        fn(*args)


class _Task(NamedTuple):
    future: Future[Any]
    work: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Processes(Executor):
    """Spawned worker processes, one task in each at a time: one that dies, or hangs, loses only its task.

    Forking a process that has started threads or a JIT is unsafe, so workers are spawned. They start at once and import
    the modules ``preload`` while the caller gets ready. A worker whose task takes longer than ``hang_s`` seconds is
    killed. ``Failed`` when workers, or the threads that wait for them, cannot start. ``Invalid`` when there is
    to be no worker.
    """

    def __init__(self, jobs: int, hang_s: float = 600.0, preload: Sequence[str] = ()) -> None:
        try:
            count = operator.index(jobs)
        except TypeError:
            count = 0
        if not 1 <= count <= MAX_JOBS:
            raise Invalid(f"jobs: {jobs!r} is not allowed; allowed: whole numbers from 1 to {MAX_JOBS}")
        self.hang_s = hang_s
        self.capacity = 2 * count
        self._preload = tuple(preload)
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._broken: str | None = None
        self._closing = False
        self._workers: list[_Worker | None] = [None] * count  # the last of each slot
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        try:
            threading.Thread(target=self._end_hung_workers, daemon=True).start()
            for slot in range(count):
                thread = threading.Thread(target=self._run_slot, args=(slot,), daemon=True)
                thread.start()
                self._threads.append(thread)
        except RuntimeError as error:
            self.__exit__(None, None, None)
            raise Failed(f"a thread cannot start ({error}); fewer --jobs need fewer") from None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the task in the next worker that is free."""
        if self._broken is not None:
            raise Failed(self._broken)
        if self._closing:
            raise RuntimeError("no more work after the executor was shut down")
        future: Future[Any] = Future()
        self._tasks.put(_Task(future, (fn, args, kwargs)))
        if self._broken is not None:
            # It broke meanwhile, and no worker will take the task.
            self._fail_all()
        return future

    def prepare(self, fn: Callable[..., Any], /, *args: Any) -> None:
        """Call ``fn(*args)`` once on the workers' machine, before there is work, in one of the workers.

        What it compiles takes some hundred MB for as long as a process lives, and workers are what uses it.
        """
        for found in in_order(self, fn, [args]):
            if isinstance(found, Exception):
                raise found

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers when all tasks are done; with ``cancel_futures``, when each has done its present task."""
        self._closing = True
        if cancel_futures:
            for task in self._drain():
                task.future.cancel()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()
            self._closed.set()

    def __exit__(self, exc_type: Any, value: Any, trace: Any) -> None:
        # Workers are killed, not waited for: either all tasks are done, or an error or Ctrl-C ends them. A process that
        # has loaded a compiler takes half a second to exit by itself.
        self.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            if worker is not None:
                worker.kill()
        for thread in self._threads:
            thread.join(5.0)
        self._closed.set()

    def _end_hung_workers(self) -> None:
        """Kill workers that are silent for too long; one thread for all, since a timer for each task costs more."""
        while not self._closed.wait(_WATCH_S):
            for worker in self._workers:
                if worker is not None:
                    worker.kill_if_hung()

    def _run_slot(self, slot: int) -> None:
        """Serve a slot; whatever ends that, nobody waits for it."""
        try:
            self._serve(slot)
        except BaseException as error:
            self._break(f"a worker cannot be served ({type(error).__name__}: {error})")

    def _serve(self, slot: int) -> None:
        """Run tasks in one slot, by a worker that is replaced when it dies."""
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
                    # It had died before it got the task.
                    worker = self._start(slot)
                    if worker is None or not worker.take(task.work):
                        raise WorkerDied("no worker stays alive")
                result = worker.result(self.hang_s)
            except WorkerDied as died:
                worker = None
                task.future.set_exception(died)
            except BaseException as error:
                task.future.set_exception(error)
            else:
                task.future.set_result(result)

    def _start(self, slot: int) -> "_Worker | None":
        """Start a worker, in several tries; None when the executor is closing or no worker can start."""
        how = ""
        for _ in range(_START_TRIES):
            if self._closing or self._broken is not None:
                return None
            try:
                worker = self._workers[slot] = _Worker(self._preload)
                if self._closing:
                    # Closing may have missed this one.
                    worker.kill()
                worker.receive(_START_S)
            except Exception as error:
                # Beside what a system refuses, such as memory, it may be a thread that multiprocessing starts.
                how = str(error) or type(error).__name__
                time.sleep(0.5)
            else:
                return worker
        self._break(f"a worker process cannot start ({how}); fewer --jobs need less memory")
        return None

    def _break(self, why: str) -> None:
        if not self._closing:
            self._broken = self._broken or why
            self._fail_all()

    def _fail_all(self) -> None:
        for task in self._drain():
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(Failed(self._broken))
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
    """One worker process, and the pipe to it."""

    def __init__(self, preload: tuple[str, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, preload), daemon=True)
        self._hung = 0.0
        self._waiting: tuple[float, float] | None = None
        with _STARTING, _interrupts_ignored():
            self._process.start()
        theirs.close()

    def take(self, work: Any) -> bool:
        """Send it a task; False when it is dead already."""
        try:
            self._pipe.send(work)
        except OSError:
            return False
        return True

    def result(self, patience_s: float) -> Any:
        """The result of the task; raises its exception, or ``WorkerDied``."""
        done, result = self.receive(patience_s)
        if done:
            return result
        # SystemExit and the like must not end this process.
        raise result if isinstance(result, Exception) else WorkerDied(f"raised {type(result).__name__}")

    def receive(self, patience_s: float) -> Any:
        """The next message of the worker, which ``kill_if_hung`` kills when it sends none for so long."""
        self._waiting = patience_s, time.monotonic()
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            raise WorkerDied(self._how()) from None
        finally:
            self._waiting = None

    def kill(self) -> None:
        """End the process; ``receive`` then raises ``WorkerDied``."""
        self._process.kill()

    def kill_if_hung(self) -> None:
        """Kill the process when ``receive`` has waited longer than its patience."""
        waiting = self._waiting
        if waiting is not None and time.monotonic() - waiting[1] > waiting[0]:
            self._hung = waiting[0]
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
        # Windows tells in large numbers what other systems tell by signals.
        return f"exited with {code}" if code is None or code < 256 else f"exited with 0x{code:08X}"


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, also before they can say so: it is for the parent alone."""
    if hasattr(signal, "pthread_sigmask"):
        # A process inherits the blocked signals of the thread that starts it. Starting multiprocessing's tracker
        # unblocks them, so that comes first.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
        return
    # On Windows it inherits whether its parent ignores Ctrl-C.
    ignore = ctypes.windll.kernel32.SetConsoleCtrlHandler  # type: ignore[attr-defined, unused-ignore]
    ignore(None, True)
    try:
        yield
    finally:
        ignore(None, False)


def _work(pipe: Any, preload: tuple[str, ...]) -> None:
    """What a worker process does: import modules, say so, and run tasks until its parent is gone."""
    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    process.take_over()
    for name in preload:
        importlib.import_module(name)
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
    """End with the parent, however that ended."""
    parent.join()
    os._exit(1)


def cores() -> int:
    """How many cores this process may use; in a container these can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
