"""Looks whether this machine and a project are well, and says in words what is not and what to do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firstpass import registry
from firstpass.errors import Problem
from firstpass.project import Project

LOW_DISK_BYTES = 1 << 30
ROOMS = ("labelers", "formats", "strategies", "embedders")
CORE = ("numpy", "pillow", "opencv-python-headless", "onnxruntime", "scikit-learn", "sqlalchemy", "pycocotools")
EXTRAS = {"models": "transformers", "train": "torch", "ray": "ray", "postgres": "psycopg", "integrations": "supervision"}
Progress = Callable[[int, int | None], None]
Verdict = Literal["good", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. good: in order. note: worth knowing. bad: something will not work; `remedy` says what to do."""

    what: str
    verdict: Verdict
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All findings, in the order looked at. problems: the project's own, from the store's check."""

    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def well(self) -> bool:
        """Whether nothing bad was found."""
        return all(f.verdict != "bad" for f in self.findings) and not any(p.severity == "error" for p in self.problems)


def examine_machine() -> tuple[Finding, ...]:
    """Python, packages, plug-ins, cores."""
    version = platform.python_version()
    findings = [Finding("python", "good" if sys.version_info >= (3, 11) else "bad", version, "Firstpass needs 3.11 or newer")]
    findings.append(Finding("processor", "good", f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"))
    for package in CORE:
        try:
            findings.append(Finding(package, "good", importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(package, "bad", "not installed", "pip install firstpass"))
    for extra, module in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        words = "installed" if there else f"not installed: pip install 'firstpass[{extra}]' when you need it"
        findings.append(Finding(f"extra {extra}", "good" if there else "note", words))
    for room in ROOMS:
        for plugin in registry.listing(room):
            if plugin.module is None:
                reason = plugin.reason.strip().splitlines()[-1]
                findings.append(Finding(f"{room}/{plugin.name}", "bad", f"broken: {reason}", f"Mend or remove {plugin.path}"))
    return tuple(findings)


def examine_project(project: Project, *, deep: bool = False, progress: Progress | None = None) -> DoctorReport:
    """The machine, and the project: room on the disk, the store's own check, images gone or changed, the labeler's model.

    deep: read every image's bytes again and compare digests (slow), instead of only looking whether the file is there.
    """
    findings = list(examine_machine())
    free = shutil.disk_usage(project.path).free
    room = f"{free / (1 << 30):.1f} GiB free"
    findings.append(Finding("disk", "good" if free > LOW_DISK_BYTES else "bad", room, "Make room: at least 1 GiB"))
    problems = list(project.store.check())
    state = (f"{len(problems)} problems" if problems else "sound") + (", read-only" if project.store.read_only else "")
    findings.append(Finding("data base", "bad" if problems else "good", state))
    missing = _image_problems(project, deep, progress)
    count = project.store.images.count()
    words = f"{count:,} registered" + (f", {len(missing):,} missing or changed" if missing else ", all there")
    remedy = "Bring the files back, or register the new ones: firstpass import PROJECT --recheck"
    findings.append(Finding("images", "bad" if missing else "good", words, remedy))
    findings.append(_labeler_finding(project))
    return DoctorReport(tuple(findings), (*problems, *missing))


def _image_problems(project: Project, deep: bool, progress: Progress | None) -> list[Problem]:
    from firstpass.media.digest import digest_of

    problems: list[Problem] = []
    total = project.store.images.count()
    for done, ref in enumerate(project.store.images.all(), 1):
        if "://" not in ref.uri and not Path(ref.uri).is_file():
            what = "its file is not there" if ref.digest else "only labels came, never a file"
            severity = "error" if ref.digest else "warning"
            problems.append(Problem(ref.name, what, ref.uri, "Bring it back, or leave it", severity))
        elif deep and ref.digest and digest_of(ref.uri) != ref.digest:
            remedy = "firstpass import PROJECT --recheck registers what it is now"
            problems.append(Problem(ref.name, "its bytes have changed since it was registered", "the same file", remedy))
        if progress and done % 100 == 0:
            progress(done, total)
    return problems


def _labeler_finding(project: Project) -> Finding:
    choice = project.labeler
    if not choice.name:
        return Finding("labeler", "note", "none chosen yet: `firstpass trial` or `firstpass train` chooses one")
    model = choice.settings.get("model")
    if model and not (project.path / str(model)).exists() and not Path(str(model)).exists():
        words = f"{choice.name}: its model {model} is not there"
        return Finding("labeler", "bad", words, "Run `firstpass train PROJECT` again")
    silent = [name for name, threshold in choice.thresholds.items() if threshold > 1]
    return Finding("labeler", "good", choice.name + (f", silent for {', '.join(silent)}" if silent else ""))
