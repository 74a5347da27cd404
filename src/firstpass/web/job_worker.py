"""What runs inside a job's process: one stage, with its progress and result sent back over a pipe.

The process has the data base open for itself. It ends when it is asked to, or when the desk's own process is gone.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any, cast

from firstpass.errors import FirstpassError, Problem, UsageError

REPORT_EVERY_S = 0.1
ORPHAN_GRACE_S = 20.0
Settings = Mapping[str, Any]
Tell = Callable[[str, float | None], None]  # what is going on, share done


class Stopped(Exception):
    """The job was asked to stop."""


def work(verb: str, project_path: str, settings: Settings, pipe: Connection[Any, Any], stop: Event) -> None:
    """The process's entry point. Sends ("progress", words, share), then ("done" | "stopped" | "failed", content)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the desk's, which then stops its jobs in order
    stopping = threading.Event()
    threading.Thread(target=_watch, args=(stop, stopping), daemon=True).start()
    try:
        result, problems = _run(verb, project_path, settings, _teller(pipe, stopping), stopping)
        pipe.send(("stopped" if result.get("stopped") else "done", {"result": result, "problems": problems}))
    except Stopped:
        pipe.send(("stopped", {"result": None, "problems": []}))
    except FirstpassError as error:
        pipe.send(("failed", str(error)))
    except Exception as error:  # noqa: BLE001  # the desk must hear of a bug in a stage or plug-in, whatever it is
        pipe.send(("failed", f"a bug: {type(error).__name__}: {error}"))
    finally:
        pipe.close()


def _watch(stop: Event, stopping: threading.Event) -> None:
    """Passes the wish to stop on, from the desk or because the desk died; ends the process when nothing comes of the latter."""
    parent = multiprocessing.parent_process()
    while not stop.wait(0.5):
        if parent is not None and not parent.is_alive():
            stopping.set()
            time.sleep(ORPHAN_GRACE_S)
            signal.raise_signal(signal.SIGTERM)
    stopping.set()


def _teller(pipe: Connection[Any, Any], stopping: threading.Event) -> Tell:
    last_s = 0.0

    def tell(what: str, share: float | None) -> None:
        nonlocal last_s
        if stopping.is_set():
            raise Stopped
        now_s = time.monotonic()
        if now_s - last_s >= REPORT_EVERY_S:
            last_s = now_s
            pipe.send(("progress", what, share))

    return tell


def _run(
    verb: str, project_path: str, settings: Settings, tell: Tell, stopping: threading.Event
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    from firstpass.project import Project
    from firstpass.stages._plain import plain

    with Project.open(project_path) as project:
        if verb == "prelabel":
            found = _prelabel(project, settings, tell, stopping)
        elif verb == "train":
            found = _train(project, settings, tell)
        else:
            run_id = project.store.runs.start(verb, dict(settings))
            status: Any = "failed"
            try:
                found = (_select if verb == "select" else _trial)(project, settings, tell)
                status = "done"
            except Stopped:
                status = "stopped"
                raise
            finally:
                project.store.runs.finish(run_id, status, {})
    problems: tuple[Problem, ...] = found.problems
    content = cast("dict[str, Any]", found.as_dict() if hasattr(found, "as_dict") else plain(found))
    content.pop("problems", None)
    return content, [problem.as_dict() for problem in problems]


def _prelabel(project: Any, settings: Settings, tell: Tell, stopping: threading.Event) -> Any:
    from firstpass.engines.local import EngineProgress
    from firstpass.stages.prelabel import prelabel

    def progress(now: EngineProgress) -> None:
        if not stopping.is_set():  # it stops by itself, between batches, with all that was done kept
            tell(f"{now.done:,} of {now.total:,} images", now.done / now.total if now.total else None)

    return prelabel(
        project, settings.get("labeler"), settings.get("settings"), layer=settings.get("layer"),
        batch_size=int(settings.get("batch_size", 8)), progress=progress, stop=stopping,
    )  # fmt: skip


def _train(project: Any, settings: Settings, tell: Tell) -> Any:
    from firstpass.labelers.base import Budget
    from firstpass.stages.train import DEFAULT_LABELER, train

    budget = Budget(float(settings.get("seconds", 60.0)), int(settings.get("seed", 0)))
    labeler = str(settings.get("labeler") or DEFAULT_LABELER)
    return train(
        project, labeler, settings.get("settings"), layer=settings.get("layer"), budget=budget,
        use=bool(settings.get("use", True)), progress=tell,
    )  # fmt: skip


def _select(project: Any, settings: Settings, tell: Tell) -> Any:
    from firstpass.stages.select import select

    def progress(done: int, total: int | None) -> None:
        tell(f"{done:,} images looked at", done / total if total else None)

    tell("choosing images", None)
    return select(
        project, str(settings.get("strategy", "uncertainty")), int(settings.get("count", 20)),
        layer=settings.get("layer"), seed=int(settings.get("seed", 0)), progress=progress,
    )  # fmt: skip


def _trial(project: Any, settings: Settings, tell: Tell) -> Any:
    from firstpass.stages import trial as stage

    names: list[str] = settings.get("labelers") or []
    if not names:
        raise UsageError("a trial needs candidates: name at least one labeler")
    truth = project.layers.get(str(settings.get("truth", "review")))
    result = stage.trial(
        project, stage.grid(names), truth=truth, sample=int(settings.get("sample", 30)),
        seed=int(settings.get("seed", 0)), progress=tell,
    )  # fmt: skip
    if settings.get("use"):
        stage.use(project, result)
    return result
