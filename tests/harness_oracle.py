"""The tasks of `harness_files` as lm-eval itself builds, filters and scores them."""

import logging
from pathlib import Path

SEED = 1234  # lm-eval's own, for examples
NO_MEANS = ("f1", "perplexity")


def build(folder: Path, name: str):
    """The task, its rows read by lm-eval and its requests built, without F1 (a download)."""
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._yaml_loader import load_yaml

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    path = folder / "upstream" / f"{name}.yaml"
    config = load_yaml(path)
    files = config["dataset_kwargs"]["data_files"]
    config["dataset_kwargs"] = {
        "data_files": {split: str(path.parent / file) for split, file in files.items()},
        "cache_dir": str(folder / "cache"),
    }
    config["metric_list"] = [rule for rule in config["metric_list"] if rule["metric"] != "f1"]
    built = ConfigurableTask(config=config)
    built.set_fewshot_seed(SEED)
    built.build_all_requests()
    return built


def verdicts(built) -> list[dict]:
    """Metrics of every document: lm-eval's filters over all of them, then its metrics."""
    built.apply_filters()
    by_doc = {}
    for instance in built.instances:
        by_doc.setdefault(instance.doc_id, []).append(instance)
    found = []
    for _, instances in sorted(by_doc.items()):
        verdict = {}
        for chain in instances[0].filtered_resps:
            left = [one.filtered_resps[chain] for one in sorted(instances, key=lambda i: i.idx)]
            for name, value in built.process_results(instances[0].doc, left).items():
                if name not in NO_MEANS:
                    verdict[name if chain == "none" else f"{name},{chain}"] = value
        found.append(verdict)
    return found
