"""Stages that run beside the desk: each in a process of its own, so that neither a crash nor a long fit touches the desk.

One job at a time: it has the machine, and the data base's one writer is shared with the experts. Cancel asks first and ends the
process when it does not listen. Every run is in `store.runs`, also that of a process that was killed.
"""

from __future__ import annotations

import difflib
import multiprocessing
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from firstpass.errors import FirstpassError, UsageError
from firstpass.store.store import Store
from firstpass.web.job_worker import work

CANCEL_GRACE_S = 10.0
KEPT = 50
Verb = Literal["prelabel", "train", "select", "trial"]
JobStatus = Literal["running", "done", "stopped", "failed"]
SETTINGS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "prelabel": {"labeler": (str,), "settings": (dict,), "layer": (str,), "batch_size": (int,)},
    "train": {
        "labeler": (str,), "settings": (dict,), "layer": (str,), "seconds": (int, float), "seed": (int,), "use": (bool,),
    },
    "select": {"strategy": (str,), "count": (int,), "layer": (str,), "seed": (int,)},
    "trial": {"labelers": (list,), "truth": (str,), "sample": (int,), "seed": (int,), "use": (bool,)},
}  # fmt: skip


class JobRunning(FirstpassError):
    """Another job has the machine."""


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as it stands. share: 0..1 or None = not known. result: the stage's, as plain values, once done."""

    id: str
    verb: Verb
    status: JobStatus
    started_at: datetime
    share: float | None = None
    words: str = ""
    seconds_left: float | None = None
    result: dict[str, Any] | None = None
    problems: tuple[dict[str, str], ...] = field(default=())


class Jobs:
    """The jobs of one project since the desk was opened."""

    def __init__(self, project_path: str, store: Store, *, cancel_grace_s: float = CANCEL_GRACE_S) -> None:
        self._project_path = project_path
        self._store = store
        self._grace_s = cancel_grace_s
        self._lock = threading.Lock()
        self._states: dict[str, JobState] = {}
        self._running: _Process | None = None

    def start(self, verb: Verb, settings: Mapping[str, Any]) -> JobState:
        """Starts a stage. Raises UsageError for an unknown or ill-typed setting, JobRunning while another runs."""
        check_settings(verb, settings)
        with self._lock:
            if self._running is not None:
                busy = self._states[self._running.job_id]
                raise JobRunning(f"{busy.verb} is still running. Wait for it, or cancel it")
            state = JobState(secrets.token_hex(6), verb, "running", datetime.now(UTC), words="starting")
            self._states[state.id] = state
            while len(self._states) > KEPT:
                self._states.pop(next(iter(self._states)))
            self._running = _Process(state.id, verb, self._project_path, settings)
        threading.Thread(target=self._follow, args=(self._running,), name=f"job {state.id}", daemon=True).start()
        return state

    def get(self, job_id: str) -> JobState | None:
        """The job as it stands; None when there is none of that id."""
        with self._lock:
            return self._states.get(job_id)

    def all(self) -> list[JobState]:
        """Newest first."""
        with self._lock:
            return list(reversed(self._states.values()))

    def cancel(self, job_id: str) -> JobState | None:
        """Asks a job to stop; the process is ended if it has not within the time of grace. One that has ended stays."""
        with self._lock:
            if self._running is not None and self._running.job_id == job_id:
                self._running.ask_to_stop(self._grace_s)
                self._states[job_id] = replace(self._states[job_id], words="stopping")
            return self._states.get(job_id)

    def close(self) -> None:
        """Stops what runs and waits for it, within the time of grace."""
        with self._lock:
            running = self._running
        if running is not None:
            self.cancel(running.job_id)
            running.ended.wait(self._grace_s + 5)

    def _follow(self, process: _Process) -> None:
        """In a thread of its own: takes what the process sends until it has ended, however that was."""
        outcome: tuple[JobStatus, Any] | None = None
        try:
            outcome = process.listen(lambda words, share: self._progress(process.job_id, words, share))
        finally:
            process.finish()
            status, content = outcome or _died(process)
            if outcome is None:
                self._settle_run(process, "stopped" if process.asked_to_stop else "failed")
            with self._lock:
                self._states[process.job_id] = _ended(self._states[process.job_id], status, content)
                self._running = None
            process.ended.set()

    def _progress(self, job_id: str, words: str, share: float | None) -> None:
        with self._lock:
            state = self._states[job_id]
            spent_s = (datetime.now(UTC) - state.started_at).total_seconds()
            left_s = spent_s * (1 - share) / share if share is not None and 0.02 <= share <= 1 and spent_s > 2 else None
            words = "stopping" if state.words == "stopping" else words
            self._states[job_id] = replace(state, words=words, share=share, seconds_left=left_s)

    def _settle_run(self, process: _Process, status: Literal["stopped", "failed"]) -> None:
        """A killed process could not note its own end."""
        for run in self._store.runs.all():
            if run.kind == process.verb and run.status == "running" and run.started_at >= process.started_at:
                self._store.runs.finish(run.id, status, {"words": "the process was ended"})


class _Process:
    """A worker process with its pipe."""

    def __init__(self, job_id: str, verb: str, project_path: str, settings: Mapping[str, Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self.job_id, self.verb = job_id, verb
        self.asked_to_stop = False
        self.ended = threading.Event()
        self.started_at = datetime.now(UTC).replace(microsecond=0)
        self._pipe, theirs = context.Pipe(duplex=False)
        self._stop = context.Event()
        self._deadline_s = float("inf")
        arguments = (verb, project_path, dict(settings), theirs, self._stop)
        self._process = context.Process(target=work, args=arguments, daemon=True, name=f"firstpass {verb}")
        self._process.start()
        theirs.close()

    def ask_to_stop(self, grace_s: float) -> None:
        if not self.asked_to_stop:
            self.asked_to_stop = True
            self._deadline_s = time.monotonic() + grace_s
            self._stop.set()

    def listen(self, progress: Callable[[str, float | None], None]) -> tuple[JobStatus, Any] | None:
        """The last word of the process; None when it died without one."""
        while True:
            if time.monotonic() > self._deadline_s:
                return None
            try:
                if not self._pipe.poll(0.2):
                    continue
                message = self._pipe.recv()
            except (EOFError, OSError):
                return None
            if message[0] != "progress":
                return message[0], message[1]
            progress(message[1], message[2])

    def finish(self) -> None:
        """Sees to it that the process is gone."""
        self._process.join(2)
        for end in (self._process.terminate, self._process.kill):
            if self._process.is_alive():
                end()
                self._process.join(5)
        self._pipe.close()

    @property
    def exit_code(self) -> int | None:
        return self._process.exitcode


def check_settings(verb: str, settings: Mapping[str, Any]) -> None:
    """Raises UsageError for a setting that the verb does not have (with near names) or whose value is of another type."""
    known = SETTINGS[verb]
    for name, value in settings.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            hint = f"did you mean {', '.join(near)}?" if near else f"it has: {', '.join(known)}"
            raise UsageError(f"{verb} has no setting {name!r}; {hint}")
        wrong_bool = isinstance(value, bool) and bool not in known[name]
        if value is not None and (wrong_bool or not isinstance(value, known[name])):
            kinds = " or ".join(kind.__name__ for kind in known[name])
            raise UsageError(f"{verb}, setting {name}: needs {kinds}, but got {value!r}")


def _died(process: _Process) -> tuple[JobStatus, Any]:
    if process.asked_to_stop:
        return "stopped", {"result": None, "problems": []}
    return "failed", f"the process ended without a word (exit code {process.exit_code}); was it short of memory?"


def _ended(state: JobState, status: JobStatus, content: Any) -> JobState:
    if status == "failed":
        return replace(state, status="failed", words=str(content), seconds_left=None)
    result, problems = content["result"], tuple(content["problems"])
    words = "done" if status == "done" else "stopped; what was done is kept"
    share = 1.0 if status == "done" else state.share
    return replace(state, status=status, words=words, share=share, seconds_left=None, result=result, problems=problems)
