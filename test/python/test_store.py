"""Records on disk: what was written comes back, and whatever is not that is noticed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from anyclaude_mlx.prefix.record_file import Damaged, Packed, Record
from anyclaude_mlx.prefix.store import Store, name_of


def tokens(start: int, end: int) -> np.ndarray:
    return np.arange(start, end, dtype=np.int32)


def written(store: Store, start: int, end: int, before: str = "") -> Record:
    arrays = [np.full((2, 3, 5), end, np.uint16), np.array([], np.uint8), np.arange(7.0)]
    packed = Packed({"said": [end, None]}, arrays)
    record = Record(name_of([tokens(0, end)]), before, start, end, True, 0)
    return store.write(record, tokens(start, end), packed)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "records", 1 << 20)


def test_what_is_written_comes_back(store: Store) -> None:
    record = written(store, 0, 9)

    packed = store.read(record)

    assert packed.about == {"said": [9, None]}
    assert [array.dtype for array in packed.arrays] == [np.uint16, np.uint8, np.float64]
    assert (packed.arrays[0] == 9).all()
    assert packed.arrays[0].shape == (2, 3, 5)
    assert packed.arrays[2].tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_files_are_for_their_owner_alone(store: Store, tmp_path: Path) -> None:
    written(store, 0, 9)

    folder = tmp_path / "records"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]


def test_a_scan_finds_chains_and_removes_what_stands_on_nothing(
    store: Store, tmp_path: Path
) -> None:
    first = written(store, 0, 9)
    second = written(store, 9, 20, first.name)
    inside = written(store, 5, 30, first.name)
    written(store, 50, 60, "unknown")
    (tmp_path / "records" / "half.123").write_bytes(b"killed while it was written")

    again = Store(tmp_path / "records", 1 << 20)
    found = again.scan()

    assert [record for record, _ in found] == [first, inside, second]
    assert [part.tolist() for _, part in found][2] == list(range(9, 20))
    assert len(list((tmp_path / "records").iterdir())) == 3
    assert again.nbytes == sum(record.nbytes for record, _ in found)


def test_any_flipped_bit_and_any_cut_is_noticed(store: Store, tmp_path: Path) -> None:
    record = written(store, 0, 9)
    path = tmp_path / "records" / f"{record.name}.kv"
    whole = path.read_bytes()
    chance = random.Random(1)

    for _ in range(300):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        again = Store(tmp_path / "records", 1 << 20)
        found = again.scan()
        if found:
            with pytest.raises(Damaged):
                assert again.read(found[0][0]).arrays
        else:
            assert again.damaged == 1
    for length in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(Damaged):
            assert store.read(record).arrays
    path.unlink()
    with pytest.raises(Damaged):
        assert store.read(record).arrays


def test_a_disk_that_takes_nothing_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    (tmp_path / "records").write_text("a file where the folder should be")

    with pytest.raises(OSError):
        written(store, 0, 9)


def test_a_writer_that_is_killed_at_any_moment_leaves_only_whole_records(tmp_path: Path) -> None:
    script = """
import sys, numpy as np
from pathlib import Path
from anyclaude_mlx.prefix.record_file import Packed, Record
from anyclaude_mlx.prefix.store import Store, name_of
store = Store(Path(sys.argv[1]), 1 << 40)
before, start = "", 0
print("ready", flush=True)
while True:
    end = start + 50
    record = Record(name_of([np.arange(end, dtype=np.int32)]), before, start, end, False, 0)
    packed = Packed([end], [np.full(20_000, end, np.float32)])
    store.write(record, np.arange(start, end, dtype=np.int32), packed)
    before, start = record.name, end
"""
    chance = random.Random(3)
    for moment in range(8):
        folder = tmp_path / str(moment)
        writer = subprocess.Popen(
            [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.random() * 0.02)
        writer.kill()
        writer.wait()
        writer.stdout.close()

        store = Store(folder, 1 << 40)
        found = store.scan()

        assert store.damaged == 0
        assert [record.end for record, _ in found] == [50 * (n + 1) for n in range(len(found))]
        for record, _ in found:
            packed = store.read(record)
            assert (packed.arrays[0] == record.end).all()
        assert all(path.suffix == ".kv" for path in folder.iterdir())
