"""Hand-made rows in the schemas of the data sets that lm-eval's tasks read."""

import re

LETTERS = dict(zip("ABCD", ("one", "two", "three", "four"), strict=True))
OPTIONS = {f"option_{letter.lower()}": text for letter, text in LETTERS.items()}
# A task's name -> a row of its data set; `{0}` is what the name's group holds.
FAMILIES: dict[str, dict] = {
    r"mmlu_(?:th|hi)_llama_(\w+)": {
        "subtask_name": "mmlu_{lang}_chat.{0}",
        "input_question": "Which?",
        "input_choice_list": LETTERS,
        "input_correct_responses": ["B"],
    },
    r"global_mmlu_full_\w\w_(\w+)": {
        **OPTIONS, "subject": "{0}", "question": "Which?", "answer": "B",
    },
    r"global_mmlu_\w\w_(\w+)": {
        **OPTIONS, "subject_category": "{Title}", "question": "Which?", "answer": "B",
    },
    r"mmmlu_[a-z]+_[a-z]+_(\w+)": {
        **LETTERS, "Subject": "{0}", "Question": "Which?", "Answer": "B",
    },
    r"(mmlu_flan_cot|mmlu_redux).*": {
        "question": "Which?", "choices": list(LETTERS.values()), "answer": 1,
    },
    r"truthfulqa_\w\w_mc1": {
        "question": "Which?",
        "mc1_targets_choices": ["one", "two"],
        "mc2_targets_choices": ["one", "two"],
        "mc2_targets_labels": [1, 0],
    },
    r"(ceval-valid|tmmluplus)_.*": {**LETTERS, "question": "Which?", "answer": "B"},
    r"cmmlu_.*": {**LETTERS, "Question": "Which?", "Answer": "B"},
    r"belebele_.*": {
        "flores_passage": "A passage.",
        "question": "Which?",
        **{f"mc_answer{number}": text for number, text in enumerate(LETTERS.values(), 1)},
        "correct_answer_num": "2",
    },
    r"mmlu_prox_\w\w_(\w+)": {
        "category": "{0}",
        "question": "Which?",
        **{f"option_{number}": f"option {number}" for number in range(10)},
        "cot_content": "A: Let's think step by step. The answer is (B).",
        "answer": "B",
    },
    r"include_base_44_[a-z]+_(\w+)": {
        **OPTIONS, "domain": "{0}", "question": "Which?", "answer": 1,
    },
    r"bigbench_.*": {"inputs": "Which?", "targets": ["one"]},
}  # fmt: skip


def row(name: str, fields: set[str]) -> dict:
    """A row for a task: of its family, or else of the fields that its templates name."""
    for pattern, schema in FAMILIES.items():
        match = re.fullmatch(pattern, name)
        if match:
            subject = match[1] if match.re.groups else ""
            return {key: _filled(value, subject, name) for key, value in schema.items()}
    return {field: _plain(field) for field in sorted(fields)}


def _filled(value, subject: str, name: str):
    if not isinstance(value, str) or "{" not in value:
        return value
    language = "th" if name.startswith("mmlu_th") else "hi"
    # Domains are written STEM, categories with capitals; lm-eval's names are lower case.
    shown = subject.upper() if subject == "stem" else subject.replace("_", " ").title()
    text = value.replace("{lang}", language).replace("{Title}", shown)
    return text.replace("{0}", shown if "include" in name else subject)


def _plain(field: str):
    if re.search("choices|options|endings|answers|candidates", field):
        return list(LETTERS.values())
    if re.search("label|gold|idx|target|correct|winner", field):
        return 1
    return f"{field} text"
