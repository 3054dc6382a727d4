"""Fit one model and write its folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recae.counted import counted
from recae.data.split import Split
from recae.evaluation.evaluate import evaluate
from recae.evaluation.metrics import DEFAULT_METRICS
from recae.jobs.contest import refuse_strangers
from recae.jobs.facts import configuration, machine_facts
from recae.jobs.foretell import foretell_fits
from recae.jobs.inputs import open_input
from recae.jobs.item_facts import refuse_features
from recae.jobs.judging import check_metrics
from recae.jobs.outputs import refuse_inputs, refuse_strange
from recae.jobs.reading import AS_FOUND, Reading, Source
from recae.jobs.stopping import stopping, stopping_sentence
from recae.models.base import Recommender
from recae.models.cost import Shape
from recae.models.folder import MANIFEST
from recae.models.registry import create
from recae.options import DEFAULTS, RunOptions
from recae.store.lock import locked


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model and where it lies."""

    folder: Path
    model: Recommender
    metrics: dict[str, float]
    """Reached on the validation data; empty where there is none."""
    fit_seconds: float
    train: dict[str, int]
    """Users, items and interactions that it learned from."""
    facts: dict[str, Any]
    """As they stand in the model's manifest."""


def train(
    source: Source,
    *,
    model: str,
    out: str | Path,
    valid: Source | None = None,
    settings: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    reading: Reading = AS_FOUND,
    options: RunOptions = DEFAULTS,
    run_id: str = "",
) -> Trained:
    """Fit `model` with the hyper-parameters `settings` on `source` and write the model folder `out`.

    `source` is a log, a split folder or a folder with train.* (and valid.*); `valid` names targets of users of the
    training data, whose training rows are the history. Validation data decides when to stop, where the model
    trains in epochs; without any the model holds back a part of its training data for that.

    Raises:
        ConfigError: an unknown model, hyper-parameter or metric.
        DataError: the data is malformed, or not what the model needs.
        CapacityError: the model would not fit in memory.
        StorageError: something cannot be read or written.
        OutputLockedError: another run is writing `out`.
    """
    recommender = create(model, **(settings or {}))
    check_metrics(recommender.info, metrics)
    refuse_features(metrics, "A model cannot be judged here")
    refuse_inputs(out, source, valid)
    with locked(out):
        refuse_strange(out, MANIFEST)
        split = open_input(source, valid=valid, reading=reading, progress=options.progress)
        if not recommender.info.inductive:
            refuse_strangers(replace(split, test=None), [model])
        log = split.train
        options.progress.say(
            f"Fitting {model} to {counted(log.nnz, 'interaction')} of {counted(log.n_users, 'user')} and "
            f"{counted(log.n_items, 'item')}."
        )
        foretell_fits([recommender], Shape.of(log), f"Fitting {model}", options)
        started = time.perf_counter()
        recommender.fit(split.train, split.valid, options)
        fit_seconds = time.perf_counter() - started
        stopped = stopping(recommender, log, split.valid, options.seed)
        if stopped is not None:
            options.progress.say(f"{model}: {stopping_sentence(stopped)}.")
        reached = validation_means(recommender, split, metrics, options)
        sizes = {"users": log.n_users, "items": log.n_items, "interactions": log.nnz}
        facts = {
            "run_id": run_id,
            "configuration": configuration(
                "train",
                source=source,
                model=model,
                valid=valid,
                settings=recommender.config.model_dump(mode="json"),
                metrics=metrics,
                reading=reading,
                options=options,
            ),
            "split": split.spec,
            "train": sizes,
            "left_out": log.counts,
            "fit_seconds": round(fit_seconds, 3),
            "validation": reached,
            "stopping": stopped,
            **machine_facts(),
        }
        folder = recommender.save(out, **facts)
    return Trained(folder, recommender, reached, fit_seconds, sizes, facts)


def validation_means(
    model: Recommender, split: Split, metrics: Sequence[str], options: RunOptions
) -> dict[str, float]:  # fmt: skip
    """What a fitted model reaches on the validation data; empty where there is none."""
    if split.valid is None or not split.valid.relevant_counts().any():
        return {}
    return evaluate(model, split.valid, metrics, progress=options.progress).means()
