"""Opening, and every way a data base can refuse: busy, read-only, full, damaged, too new, not there."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event

from firstpass.errors import SchemaTooNew, StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreReadOnly, UsageError
from firstpass.labels import Author, ImageRef, LabeledImage
from firstpass.store import Layer, NewImage, Store
from firstpass.store.connect import store_error

Look = Callable[..., LabeledImage]


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_a_missing_file_is_not_made_by_the_way(url: str) -> None:
    with pytest.raises(UsageError, match="firstpass init"):
        Store.open(url)
    assert not path_of(url).exists()


def test_creating_twice_keeps_what_is_there(url: str) -> None:
    with Store.open(url, create=True) as store:
        store.meta.set("k", "v")
    with Store.open(url, create=True) as store:
        assert store.meta.get("k") == "v"


def test_a_closed_store_leaves_one_file(url: str, store: Store, layer: Layer) -> None:
    store.close()
    assert [p.name for p in path_of(url).parent.iterdir()] == ["firstpass.db"]


@pytest.mark.parametrize("bad", ["sqlite://", "sqlite:///:memory:", "firstpass.db", "mysql://x/y", "oracle+nothing://x"])
def test_urls_that_are_none_are_refused_with_words(bad: str) -> None:
    with pytest.raises(UsageError):
        Store.open(bad, create=True)


def test_creating_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        Store.open(f"sqlite:///{tmp_path / 'nowhere' / 'x.db'}", create=True)


def test_opening_a_current_store_imports_no_alembic_nor_any_model_library(url: str, store: Store) -> None:
    code = (
        "import sys; from firstpass.store import Store; s = Store.open(sys.argv[1]); s.images.count(); s.layers.all();"
        "bad = {'alembic', 'cv2', 'onnxruntime', 'sklearn', 'scipy', 'PIL', 'pycocotools', 'pydantic'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code, url], check=True)


def test_importing_the_room_brings_no_sqlalchemy() -> None:
    subprocess.run([sys.executable, "-c", "import sys, firstpass.store; assert 'sqlalchemy' not in sys.modules"], check=True)


@pytest.mark.parametrize("content", [b"not a data base " * 100, b""], ids=["garbage", "empty"])
def test_a_file_that_is_no_data_base_is_told_apart(url: str, content: bytes) -> None:
    path_of(url).write_bytes(content)
    with pytest.raises(StoreCorrupt, match="backup"):
        Store.open(url)
    assert path_of(url).read_bytes() == content


def test_another_programs_data_base_is_left_alone(url: str) -> None:
    with sqlite3.connect(path_of(url)) as raw:
        raw.execute("CREATE TABLE songs (title TEXT)")
    raw.close()
    for create in (False, True):
        with pytest.raises(StoreCorrupt, match="another program"):
            Store.open(url, create=create)


def test_a_damaged_page_is_corruption(url: str, store: Store, layer: Layer, refs: list[ImageRef], look: Look) -> None:
    layer.write(look(refs[n % 5], *["cat"] * 100) for n in range(50))
    store.close()
    size = path_of(url).stat().st_size
    with path_of(url).open("r+b") as file:
        file.seek(size // 2)
        file.write(random.Random(3).randbytes(size - size // 2))
    with Store.open(url) as opened:
        with pytest.raises(StoreCorrupt, match="damaged"):
            list(opened.layers["first"])
        assert any("sound data base" in p.expected for p in opened.check())


def test_a_later_schema_is_not_touched(url: str, store: Store) -> None:
    store.close()
    with sqlite3.connect(path_of(url)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(SchemaTooNew, match=r"9999.*pip install --upgrade"):
        Store.open(url)


def test_a_second_writer_waits_and_is_then_refused_and_nothing_is_lost(
    url: str, store: Store, layer: Layer, refs: list[ImageRef], look: Look
) -> None:
    layer.write([look(refs[0], "cat")])
    other = sqlite3.connect(path_of(url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store.open(url, busy_timeout_s=0.2) as second:
        with pytest.raises(StoreBusy, match="another process"):
            second.layers["first"].write([look(refs[1], "cat")])
        assert second.layers["first"].looked() == {"a.jpg"}  # readers are not held up
        other.execute("ROLLBACK")
        other.close()
        second.layers["first"].write([look(refs[1], "cat")])
    assert layer.looked() == {"a.jpg", "b.jpg"}


def test_a_writer_that_waits_long_enough_gets_its_turn(url: str, store: Store, refs: list[ImageRef]) -> None:
    other = sqlite3.connect(path_of(url), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, other.execute, ["ROLLBACK"])
    timer.start()
    store.meta.set("k", "v")
    timer.join()
    other.close()
    assert store.meta.get("k") == "v"


def test_threads_take_turns_and_lose_nothing(url: str, store: Store, refs: list[ImageRef], look: Look) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Store.open(url) as mine:
                layer = mine.layers.create(f"layer {number}", Author("labeler", str(number)), "prelabel")
                for n in range(20):
                    layer.write([look(refs[n % 5], f"class {number}-{n}")])
                    store.layers.all()
        except BaseException as error:  # noqa: BLE001  # handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [(info.images, info.objects) for info in store.layers.all()] == [(5, 5)] * 4
    assert store.check() == []


def test_processes_take_turns_and_lose_nothing(url: str, store: Store, refs: list[ImageRef]) -> None:
    code = """
import sys
from firstpass.labels import *
from firstpass.store import Store
with Store.open(sys.argv[1], busy_timeout_s=60) as store:
    layer = store.layers.create(sys.argv[2], Author("labeler", sys.argv[2]), "prelabel")
    for ref in list(store.images) * 4:
        layer.write([LabeledImage(ref, layer.author, (Labeled(ObjectId("1"), "cat " + sys.argv[2], Box(0, 0, 1, 1)),))])
"""
    running = [subprocess.Popen([sys.executable, "-c", code, url, str(n)]) for n in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert sorted((info.images, info.objects) for info in store.layers.all()) == [(5, 5)] * 2
    assert store.check() == []


def test_a_full_disk_keeps_what_was_committed(url: str, store: Store, layer: Layer, refs: list[ImageRef], look: Look) -> None:
    layer.write([look(refs[0], "cat")])

    @event.listens_for(store._database.engine, "checkout")
    def limit(raw: sqlite3.Connection, *_: object) -> None:
        raw.execute("PRAGMA max_page_count = 60")

    with pytest.raises(StoreFull, match="everything that was committed is safe"):
        layer.write(look(refs[n % 5], *["cat"] * 50) for n in range(2000))
    assert layer.history("a.jpg")[0] == look(refs[0], "cat")
    store.close()
    with Store.open(url) as again:
        assert again.check() == []
        again.layers["first"].write([look(refs[1], "dog")])
        assert again.layers["first"].get("b.jpg") == look(refs[1], "dog")


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A file system of its own, 2 MiB large; skips where mounting is not allowed."""
    place = tmp_path / "mounted"
    place.mkdir()
    if shutil.which("mount") is None or sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    return place


@pytest.fixture
def unmounting(mounted: Path) -> object:
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


def test_a_really_full_disk_keeps_what_was_committed(unmounting: Path, look: Look) -> None:
    url = f"sqlite:///{unmounting / 'x.db'}"
    refs = [ImageRef("", "/x", f"{n:04d}.jpg", 9, 9) for n in range(500)]
    with Store.open(url, create=True) as store:
        store.images.add(NewImage(ref) for ref in refs)
        layer = store.layers.create("first", Author("labeler", "x"), "prelabel")
        with pytest.raises(StoreFull, match="disk is full"):
            layer.write((look(ref, *["cat"] * 50) for ref in refs * 20), chunk=10)
        kept = {ref.name: look(ref, *["cat"] * 50) for ref in refs}
        assert 0 < len(layer) <= 500
        assert all(item == kept[item.image.name] for item in layer)
        assert store.check() == []


def test_a_read_only_file_system_can_still_be_read(unmounting: Path, look: Look) -> None:
    url = f"sqlite:///{unmounting / 'x.db'}"
    ref = ImageRef("", "/x", "a.jpg", 9, 9)
    with Store.open(url, create=True) as store:
        store.images.add([NewImage(ref)])
        store.layers.create("first", Author("labeler", "x"), "prelabel").write([look(ref, "cat")])
    subprocess.run(["mount", "-o", "remount,ro", unmounting], check=True)
    with Store.open(url) as store:
        assert store.read_only
        assert list(store.layers["first"]) == [look(ref, "cat")]
        with pytest.raises(StoreReadOnly, match="permissions"):
            store.meta.set("k", "v")
        assert store.check() == []


def test_a_file_made_read_only_for_the_driver_refuses_writes(store: Store, layer: Layer) -> None:
    @event.listens_for(store._database.engine, "checkout")
    def limit(raw: sqlite3.Connection, *_: object) -> None:
        raw.execute("PRAGMA query_only = ON")

    with pytest.raises(StoreReadOnly):
        store.meta.set("k", "v")
    assert store.meta.get("k") is None


@pytest.mark.parametrize(
    ("state", "kind"),
    [("55P03", StoreBusy), ("53100", StoreFull), ("25006", StoreReadOnly), ("XX001", StoreCorrupt), ("1", StoreError)],
)
def test_postgres_errors_mean_the_same(state: str, kind: type[StoreError]) -> None:
    error = Exception("said the server")
    error.sqlstate = state  # type: ignore[attr-defined]
    assert type(store_error(error, "db")) is kind
