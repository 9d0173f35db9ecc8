"""The journal: what is written stays, what is torn is said, what succeeds first counts."""

import os
import time

import disk
import pytest
from processes import eventually

from evalsuite.errors import IncompleteError, StoreError
from evalsuite.journal import FSYNC_RECORDS, FSYNC_SECONDS, Journal, Key, Record
from evalsuite.packing import pack
from evalsuite.types import Failure, Message, Request, Response, Sampling, ToolCall, Usage, user


def record(sample="a", text="hi", failure=None, **more):
    response = Response(text=text, failure=failure, usage=Usage(prompt=3, completion=1))
    fields = {"task": "t", "id": sample, "repeat": 0, "step": 0, "part": 0, "role": "model"}
    return Record(**(fields | more), digest="d", response=response)


DOWN = Failure(kind="refused", message="nobody there", transient=True)


def test_a_record_is_read_back_as_it_was_written(tmp_path):
    call = ToolCall(name="book", arguments='{"a": 1}', id="c1")
    request = Request(
        messages=[user("Grüße\n\u2028 \x00"), Message(role="assistant", tool_calls=(call,))],
        sampling=Sampling(stop=("a", "b"), extra_body={"x": [1, None]}),
        tools=[{"type": "function"}],
    )
    written = Record(
        task="t", id="a", repeat=1, step=2, part=0, role="judge", digest="d", time=1.5,
        response=Response(tool_calls=(call,), token_ids=(1, 2), reasoning=""), request=request,
    )  # fmt: skip
    journal = Journal(tmp_path, write=True)

    journal.append(written)

    assert journal.get(written.key) == written
    assert list(Journal(tmp_path).records()) == [written]


def test_defaults_are_left_out_of_a_line(tmp_path):
    assert pack(Response(text="x")) == {"text": "x"}
    assert pack({"a": (Usage(), None)}) == {"a": [{}, None]}


def test_the_first_success_of_a_key_wins(tmp_path):
    journal = Journal(tmp_path, write=True)
    for text in ("first", "second"):
        journal.append(record(text=text))

    assert journal.get(record().key).response.text == "first"


def test_a_failure_is_superseded_by_a_later_record(tmp_path):
    journal = Journal(tmp_path, write=True)
    journal.append(record(failure=DOWN))
    assert journal.get(record().key).response.failure == DOWN

    journal.append(record(text="recovered"))

    assert journal.get(record().key).response.text == "recovered"
    assert Journal(tmp_path).get(record().key).response.text == "recovered"


def test_a_torn_last_line_is_skipped_and_reported_and_never_cut(tmp_path):
    journal = Journal(tmp_path, write=True)
    journal.append(record("a"))
    journal.append(record("b"))
    journal.close()
    path = tmp_path / "0001.jsonl"
    torn = path.read_bytes()[:-7]
    path.write_bytes(torn)
    start = torn.index(b"\n") + 1

    again = Journal(tmp_path, write=True)

    assert [key.id for key in again.index] == ["a"]
    assert again.torn == [f"0001.jsonl: last line torn at byte {start}"]
    again.append(record("b"))
    assert path.read_bytes() == torn
    assert (tmp_path / "0002.jsonl").is_file()


def test_a_broken_line_inside_a_segment_is_an_error_that_names_it(tmp_path):
    (tmp_path / "0001.jsonl").write_text("{}\nnonsense\n")

    with pytest.raises(StoreError, match=r"0001\.jsonl:1: not a journal record"):
        Journal(tmp_path)


def test_every_writer_opens_a_segment_of_its_own(tmp_path):
    for sample in "abc":
        journal = Journal(tmp_path, write=True)
        journal.append(record(sample))
        journal.close()

    assert [path.name for path in Journal(tmp_path).segments()] == [
        "0001.jsonl", "0002.jsonl", "0003.jsonl",
    ]  # fmt: skip
    assert [key.id for key in Journal(tmp_path).index] == ["a", "b", "c"]


def test_a_long_line_is_read_whole(tmp_path):
    journal = Journal(tmp_path, write=True)
    long = "é" * 100_000
    journal.append(record(text=long))
    journal.append(record("b"))

    assert journal.get(Key("t", "a", 0, 0, 0, "model")).response.text == long


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_stops_the_run_with_one_line(tmp_path):
    folder = tmp_path / "journal"
    folder.mkdir()
    journal = Journal(folder, write=True)
    journal.append(record("a"))
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._out)

    with pytest.raises(IncompleteError, match="No space left") as raised:
        journal.append(record("b"))

    assert raised.value.exit_code == 13
    assert list(Journal(folder).index) == [record("a").key]


def test_every_record_is_on_the_disk_at_once_where_that_is_asked_for(tmp_path):
    if not disk.tells(tmp_path):
        pytest.skip("needs a kernel that tells what is not on the disk")
    kept = Journal(tmp_path / "a", write=True, sync_every=1)
    late = Journal(tmp_path / "b", write=True)
    for sample in "abc":
        kept.append(record(sample))
        late.append(record(sample))
        assert disk.unsynced(tmp_path / "a/0001.jsonl") == 0

    assert disk.unsynced(tmp_path / "b/0001.jsonl") == 1
    late.close()
    assert disk.unsynced(tmp_path / "b/0001.jsonl") == 0


def test_no_more_than_256_answers_are_ever_behind_the_disk(tmp_path):
    if not disk.tells(tmp_path):
        pytest.skip("needs a kernel that tells what is not on the disk")
    path = tmp_path / "0001.jsonl"
    journal = Journal(tmp_path, write=True)
    page = "x" * 4096  # so that each record begins a page of its own

    behind = []
    for number in range(4 * FSYNC_RECORDS):
        journal.append(record(str(number), text=page))
        if number % 16 == 15:
            behind.append(disk.unsynced(path))

    assert 16 <= max(behind) <= 1.1 * FSYNC_RECORDS  # a record is a little longer than a page
    journal.close()
    assert disk.unsynced(path) == 0


def test_answers_that_come_rarely_are_on_the_disk_within_a_second(tmp_path):
    if not disk.tells(tmp_path):
        pytest.skip("needs a kernel that tells what is not on the disk")
    path = tmp_path / "0001.jsonl"
    journal = Journal(tmp_path, write=True)

    journal.append(record("rare"))
    journal.sync_if_due()
    assert disk.unsynced(path) > 0
    time.sleep(FSYNC_SECONDS)
    journal.sync_if_due()

    assert eventually(lambda: disk.unsynced(path) == 0)  # beside what is appended meanwhile
    journal.close()


def test_a_resume_never_touches_an_old_segment(tmp_path):
    first = Journal(tmp_path, write=True)
    first.append(record("a"))
    first.append(record("b", failure=DOWN))
    first.close()
    path = tmp_path / "0001.jsonl"
    before = path.read_bytes(), path.stat().st_mtime_ns

    again = Journal(tmp_path, write=True)
    again.append(record("a", text="never counts"))
    again.append(record("b"))
    again.close()

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    found = {one.id: one.response.text for one in Journal(tmp_path).records()}
    assert found == {"a": "hi", "b": "hi"}
