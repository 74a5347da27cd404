"""What can go wrong, and how it is told.

Two kinds, never mixed. *Bad data* is a value: a :class:`Problem` names the place, what was found, what was expected and
what to do; the rest of the work goes on. *Bad use or bad code* raises one of these::

    FirstpassError                     anything Firstpass raises on purpose; `exit_code` is the command line's
    ├── UsageError                     (2) a wrong argument: unknown class, unknown plug-in, no such folder
    │   ├── UnknownPlugin              no plug-in of that name in the room; names the near ones
    │   ├── UnknownClass               a class that the project's ontology lacks
    │   └── ProjectNotFound            the path holds no project
    ├── ProjectExists                  init on a folder that already is one
    ├── ConfigError                    firstpass.toml is not readable; names line and key
    ├── StoreError                     the data base refused
    │   ├── StoreBusy                  another process holds it longer than the busy timeout
    │   ├── StoreReadOnly              the folder or file cannot be written
    │   ├── StoreFull                  the disk is full; what was committed is safe
    │   ├── StoreCorrupt               the file is damaged; points to the backup
    │   └── SchemaTooNew               written by a later Firstpass
    ├── FormatError                    a label file that cannot be read at all, or a target that cannot be written
    ├── MissingExtra                   a plug-in needs a package that is not installed; names the pip command
    ├── MissingWeights                 model weights are not there; says what to download and where to put it
    └── LabelerBroke                   a labeler broke its contract; names the culprit
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with data, told so that a person can mend it.

    where: file, line or record, e.g. ``coco.json: annotation 8123``.
    what: what was found, e.g. ``category_id 91 is not in "categories"``.
    expected: what would have been right, e.g. ``one of 1..90``; may be empty.
    remedy: what to do about it; may be empty.
    severity: ``error`` = the record was left out; ``warning`` = it was taken, changed as said.
    """

    where: str
    what: str
    expected: str = ""
    remedy: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        expected = f" (expected {self.expected})" if self.expected else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.where}: {self.what}{expected}.{remedy}"

    def as_dict(self) -> dict[str, str]:
        """The fields as plain strings, for ``--json`` and ``problems.csv``."""
        return asdict(self)


class FirstpassError(Exception):
    """Anything Firstpass raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(FirstpassError):
    """A wrong argument from the person or program calling."""

    exit_code: ClassVar[int] = 2


class UnknownPlugin(UsageError):
    """No plug-in of that name in the room."""


class UnknownClass(UsageError):
    """A class name that the project's ontology lacks."""


class ProjectNotFound(UsageError):
    """The path holds no Firstpass project."""


class ProjectExists(FirstpassError):
    """The path already holds a Firstpass project."""


class ConfigError(FirstpassError):
    """``firstpass.toml`` is not readable as a project's configuration."""


class StoreError(FirstpassError):
    """The data base refused; nothing that was committed is lost."""


class StoreBusy(StoreError):
    """Another process holds the data base longer than the busy timeout."""


class StoreReadOnly(StoreError):
    """The data base or its folder cannot be written."""


class StoreFull(StoreError):
    """The disk is full; what was committed before is safe."""


class StoreCorrupt(StoreError):
    """The data base file is damaged."""


class SchemaTooNew(StoreError):
    """The data base was written by a later Firstpass."""


class FormatError(FirstpassError):
    """A label file that cannot be read at all, or a target that cannot be written."""


class MissingExtra(FirstpassError):
    """A plug-in needs a package that is not installed."""

    def __init__(self, who: str, package: str, extra: str) -> None:
        super().__init__(f"{who} needs the package {package}: pip install 'firstpass[{extra}]'")
        self.who, self.package, self.extra = who, package, extra


class MissingWeights(FirstpassError):
    """Model weights are not there."""


class LabelerBroke(FirstpassError):
    """A labeler broke its contract: a bug in the plug-in, not in the data."""

    def __init__(self, who: str, what: str) -> None:
        super().__init__(f"labeler {who} broke its contract: {what}")
        self.who, self.what = who, what
