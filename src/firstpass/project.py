"""A project: one folder's configuration, data base and images, handed to every stage; the face of the Python API.

>>> project = Project.open("shelf")                      # doctest: +SKIP
>>> project.images[0], project.ontology.names            # doctest: +SKIP
>>> for labeled in project.layers["review"]:             # doctest: +SKIP
...     print(labeled.image.name, [o.class_name for o in labeled.objects])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from firstpass.config import DATABASE_NAME, FILE_NAME, LabelerChoice, ProjectConfig, parse_config, read_config
from firstpass.errors import ConfigError, FormatError, Problem, ProjectExists, ProjectNotFound, StoreReadOnly, UsageError
from firstpass.labels import Author, ImageRef, LabelClass, Ontology
from firstpass.store.connect import sqlite_path
from firstpass.store.store import Store

if TYPE_CHECKING:
    from firstpass.media.image import Image
    from firstpass.store.images import Images
    from firstpass.store.layer import Layer
    from firstpass.store.layers import Layers

__all__ = ["LabelerChoice", "Project", "ProjectConfig"]

REVIEW_LAYER = "review"
_FOLDERS = ("models", "reports", "cache")


class Project:
    """One project: images, classes, layers and models of one folder. A context manager; `close` it otherwise.

    path: the folder. images: the registered images, a sequence of ImageRef. layers: the layers by name. store: the data base
    as a whole. config, ontology: what ``firstpass.toml`` says.
    """

    def __init__(self, path: Path, config: ProjectConfig, store: Store) -> None:
        self.path = path
        self.store = store
        self._config = config

    @classmethod
    def create(cls, path: str | Path, *, images: str, classes: Iterable[str | LabelClass] = (), name: str = "") -> Self:
        """Makes a project in a folder, new or without one: ``firstpass.toml``, ``firstpass.db``, models/, reports/, cache/.

        images: the folder of the images, or a URL; they stay where they are, not yet registered. name: "" = the folder's.
        Raises ProjectExists, UsageError when the image folder is not there or the project's folder cannot be made.
        """
        folder = Path(path).expanduser().absolute()
        file = folder / FILE_NAME
        if file.exists():
            raise ProjectExists(f"{folder} holds a project already ({FILE_NAME}); open it, or choose another folder")
        ontology = Ontology.of(()).with_classes(_as_classes(classes))
        place = _image_place(images, folder)
        from firstpass.config_text import new_text, write_text

        text = new_text(name or folder.name, place, ontology)
        config = parse_config(text, file)
        try:
            for part in _FOLDERS:
                (folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder}: the project's folder cannot be made: {error.strerror}") from error
        store = Store.open(config.database, create=True)
        try:
            if store.images.count() or store.layers.all():
                raise ProjectExists(f"{folder}: a {DATABASE_NAME} in use, but no {FILE_NAME}. Restore one or move the other")
            write_text(file, text)
        except BaseException:
            store.close()
            raise
        return cls(folder, config, store)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Opens the project in a folder (or of a ``firstpass.toml``).

        Raises ProjectNotFound, ConfigError with line and key, and what `Store.open` raises.
        """
        given = Path(path).expanduser().absolute()
        folder = given.parent if given.name == FILE_NAME else given
        file = folder / FILE_NAME
        if not file.is_file():
            raise ProjectNotFound(_not_found(folder))
        try:
            config = read_config(file)
        except OSError as error:
            raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
        database = sqlite_path(config.database)
        if database is not None and not database.exists():
            raise ProjectNotFound(
                f"{file} is there, but its data base {database} is not. Restore it (firstpass restore), correct `database`, "
                f"or remove {FILE_NAME} and start anew: firstpass init {folder} --images FOLDER"
            )
        return cls(folder, config, Store.open(config.database))

    @property
    def config(self) -> ProjectConfig:
        """What ``firstpass.toml`` said when the project was opened or last changed from here."""
        return self._config

    @property
    def name(self) -> str:
        """The project's name."""
        return self._config.name

    @property
    def ontology(self) -> Ontology:
        """The classes, in order."""
        return self._config.ontology

    @property
    def labeler(self) -> LabelerChoice:
        """The labeler that makes the first pass; its name is "" when none was chosen yet."""
        return self._config.labeler

    @property
    def images(self) -> Images:
        """The registered images, in order of name: ``project.images[0]``, ``project.images["a/1.jpg"]``, ``len(…)``."""
        return self.store.images

    @property
    def layers(self) -> Layers:
        """The layers by name: ``project.layers["review"]``; iterating gives each at a glance."""
        return self.store.layers

    @property
    def reviewed(self) -> Layer:
        """The layer of what the experts said. Until the first review it reads as empty; the first write makes it."""
        return self.layers.awaited(REVIEW_LAYER, Author("human", "experts"), "review")

    @property
    def models_path(self) -> Path:
        """The folder of trained models."""
        return self.path / "models"

    @property
    def reports_path(self) -> Path:
        """The folder of reports."""
        return self.path / "reports"

    @property
    def cache_path(self) -> Path:
        """The folder of what can be made again, such as thumbnails."""
        return self.path / "cache"

    def image(self, ref: ImageRef | str, max_side_px: int | None = None, *, verify: bool = False) -> Image | Problem:
        """The picture, upright, with its row of the metadata table (EXIF fields included); a Problem when unreadable.

        ref: an image or its name. max_side_px: a reduced picture, its longer side at most this. verify: another file than at
        import, told by its digest, is a Problem. A local file that has moved with the image folder is found there.
        """
        from firstpass.media.image import Image
        from firstpass.media.read import read_image

        if isinstance(ref, str):
            found = self.images.get(ref)
            if found is None:
                return Problem(ref, "no image of this name is in the project", "", "Register the image folder again")
            ref = found
        rgb = read_image(self._located(ref), max_side_px=max_side_px, verify=verify)
        if isinstance(rgb, Problem):
            return rgb
        return Image(ref, rgb, self.images.metadata([ref.name]).get(ref.name, {}))

    def add_classes(self, *classes: str | LabelClass) -> Ontology:
        """Appends the classes that are not there yet to ``firstpass.toml``, leaving the rest of it as it is; the new ontology.

        The file is read anew first, so changes that a person made meanwhile are kept. Raises ConfigError, UsageError.
        """
        from firstpass.config_text import with_classes

        file = self.path / FILE_NAME
        text = _text_of(file)
        known = parse_config(text, file).ontology
        fresh = known.with_classes(_as_classes(classes)).classes[len(known) :]
        self._rewrite(text, with_classes(text, fresh) if fresh else text)
        return self.ontology

    def set_phrases(self, phrases: Mapping[str, Sequence[str]]) -> Ontology:
        """Writes the words that models are asked for these classes with into ``firstpass.toml``, leaving the rest as it is.

        phrases: by class name; none for a class = its name. The file is read anew first. Gives the new ontology. Raises
        UnknownClass and UsageError for a blank phrase, then nothing is changed; ConfigError, StoreReadOnly.
        """
        text = _text_of(self.path / FILE_NAME)
        self._rewrite(text, self._with_phrases(text, phrases))
        return self.ontology

    def set_labeler(self, choice: LabelerChoice, phrases: Mapping[str, Sequence[str]] | None = None) -> None:
        """Writes the choice into ``firstpass.toml``, leaving the rest of it as it is.

        phrases: of classes, as for :meth:`set_phrases`, written with it whole or not at all. Raises ConfigError, UsageError.
        """
        from firstpass.config_text import with_labeler

        text = _text_of(self.path / FILE_NAME)
        self._rewrite(text, self._with_phrases(with_labeler(text, choice), phrases or {}))

    def close(self) -> None:
        """Closes the data base."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        names = self.ontology.names
        shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
        lines = [f"Project {self.name!r} in {self.path}", f"  {len(self.images):,} images from {self.config.images}"]
        lines.append(f"  {len(names)} classes: {shown}" if names else "  no classes yet")
        lines += [f"  layer {line}" for line in repr(self.layers).splitlines() if len(self.layers)]
        return "\n".join(lines)

    def _with_phrases(self, text: str, phrases: Mapping[str, Sequence[str]]) -> str:
        from firstpass.config_text import with_phrases

        ontology = parse_config(text, self.path / FILE_NAME).ontology
        for name, words in phrases.items():
            ontology.index(name)
            if isinstance(words, str) or not all(word.strip() for word in words):
                raise UsageError(f"class {name!r} needs a list of phrases, none of them blank, but got {words!r}")
        return with_phrases(text, phrases) if phrases else text

    def _rewrite(self, old: str, new: str) -> None:
        from firstpass.config_text import write_text

        file = self.path / FILE_NAME
        config = parse_config(new, file)
        if new != old:
            try:
                write_text(file, new)
            except FormatError as error:
                raise StoreReadOnly(str(error)) from error
        self._config = config

    def _located(self, ref: ImageRef) -> ImageRef:
        if "://" in ref.uri or "://" in self.config.images or Path(ref.uri).exists():
            return ref
        moved = Path(self.config.images) / ref.name
        return replace(ref, uri=str(moved)) if moved.exists() else ref


def _as_classes(classes: Iterable[str | LabelClass]) -> Sequence[LabelClass]:
    found: list[LabelClass] = []
    for one in classes:
        if isinstance(one, str) and not one.strip():
            raise UsageError("a class needs a name")
        found.append(LabelClass(one) if isinstance(one, str) else one)
    return found


def _text_of(file: Path) -> str:
    """The file's text with its line ends as they are."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            return source.read()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 text: {error}. Save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error


def _image_place(images: str, folder: Path) -> str:
    """How the file names the image folder: relative where it lies in or beside the project, so that both can move together."""
    if "://" in images:
        return images
    place = Path(images).expanduser().absolute()
    if not place.is_dir():
        raise UsageError(f"{images}: there is no such image folder")
    if place.is_relative_to(folder):
        return place.relative_to(folder).as_posix() or "."
    if place.is_relative_to(folder.parent) and place != folder.parent:
        return f"../{place.relative_to(folder.parent).as_posix()}"
    return place.as_posix()


def _not_found(folder: Path) -> str:
    hint = f"Make one with: firstpass init {folder} --images FOLDER"
    if not folder.exists():
        return f"{folder}: there is no such folder. {hint}"
    if not folder.is_dir():
        return f"{folder}: is a file, not a project's folder"
    above = next((p for p in folder.parents if (p / FILE_NAME).is_file()), None)
    below = sorted(p.parent.name for p in folder.glob(f"*/{FILE_NAME}"))
    if above is not None:
        hint = f"The project around it is {above}"
    elif below:
        hint = f"There are projects in it: {', '.join(below[:5])}"
    return f"{folder}: holds no Firstpass project (no {FILE_NAME}). {hint}"
