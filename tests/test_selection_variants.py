"""Other forms of a task run where they are named, and do not weigh in a bucket by default."""

from evalsuite.selection import Selection, select


def names(**chosen):
    return {item.name for entry in select(Selection(**chosen)) for item in entry.tasks}


def test_a_bucket_holds_each_benchmark_in_one_form():
    found = names(buckets=("reasoning",))
    assert {"gsm8k", "mmlu_pro"} <= found
    assert found.isdisjoint({"gsm8k_5shot", "gsm8k_chat", "mmlu_pro_5shot"})


def test_a_variant_is_run_where_it_is_named_or_its_tag_is():
    assert names(tasks=("gsm8k_chat",)) == {"gsm8k_chat"}
    assert names(tasks=("reasoning/gsm8k_chat",)) == {"gsm8k_chat"}
    assert {"gsm8k_5shot", "mmlu_pro_5shot"} <= names(tags=("variant",))
