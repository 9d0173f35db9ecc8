"""First prompts that were rendered when the rows were looked at."""

import pytest
from task_files import SHORT

from evalsuite import task
from evalsuite.begun import Begun, begin
from evalsuite.types import Item

pytest_plugins = ("task_files",)  # its fixtures `load` and `write`
PROMPT = 'prompt: "Question: {{ question }}"'


def items(loaded):
    """An item of each sample."""
    return [Item(task=loaded, sample=sample) for sample in task.samples(loaded)]


def test_a_kept_episode_is_taken_once_and_a_repeat_begins_its_own(load):
    one, two, *_ = items(load(SHORT))
    kept = Begun()
    generator, state = begun = begin(one.task, one.sample)
    kept.keep(one.task, one.sample, begun, 16)

    taken = kept.take(one)
    again, anew = kept.take(one)

    assert taken == (generator, state)
    assert again is not generator
    assert anew == state
    assert kept.take(two)[1].requests[0].messages[0].content == "Question: 2 + 2"


@pytest.mark.parametrize(
    ("room", "size", "kept"), [(4096, 16, 3), (4096, 3000, 1), (4096, 4000, 0)]
)
def test_no_more_prompts_are_kept_than_there_is_room_for(load, room, size, kept):
    every = items(load(SHORT))
    store = Begun(room)
    begun = [begin(item.task, item.sample) for item in every]
    for item, started in zip(every, begun, strict=True):
        store.keep(item.task, item.sample, started, size)

    taken = [store.take(item) for item in every]

    assert sum(one in begun for one in taken) == kept
    assert [state for _, state in taken] == [state for _, state in begun]


def test_an_episode_that_a_task_wrote_itself_is_begun_when_it_is_its_turn(load):
    one, *_ = items(load(SHORT.replace(PROMPT, "episode: sums.py:episode")))
    store, begun = Begun(), begin(one.task, one.sample)
    store.keep(one.task, one.sample, begun, 16)

    generator, state = store.take(one)

    assert generator is not begun[0]
    assert state == begun[1]
