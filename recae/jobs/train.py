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
from recae.jobs.outputs import refuse_inputs, refuse_strange, work_folder
from recae.jobs.reading import AS_FOUND, Reading, Source
from recae.jobs.stopping import stopping, stopping_sentence
from recae.jobs.up_to_date import folder_is_current, made_from
from recae.models.base import Recommender
from recae.models.cost import Shape
from recae.models.folder import MANIFEST, read_manifest
from recae.models.registry import create, load
from recae.options import DEFAULTS, Checkpoints, RunOptions
from recae.store.checkpoint import discard_checkpoint, stamp
from recae.store.lock import locked
from recae.training.precision import choose_device


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
    up_to_date: bool = False
    """It was there already, made from the same data by the same settings."""


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
    resume: bool = False,
    force: bool = False,
    run_id: str = "",
) -> Trained:
    """Fit `model` with the hyper-parameters `settings` on `source` and write the model folder `out`.

    `source` is a log, a split folder or a folder with train.* (and valid.*); `valid` names targets of users of the
    training data, whose training rows are the history. Validation data decides when to stop, where the model
    trains in epochs; without any the model holds back a part of its training data for that.

    Models that train in rounds put their state away beside `out` as they go, and when the process is asked to end:
    with `resume` an interrupted training goes on from there, and ends in the weights of an uninterrupted one. A model
    that is at `out` already is left as it is, if it was made from the same data by the same settings, and replaced
    with `force` only.

    Raises:
        ConfigError: an unknown model, hyper-parameter or metric, or a training to go on with that is another one.
        DataError: the data is malformed, or not what the model needs.
        CapacityError: the model would not fit in memory.
        StorageError: something cannot be read or written, or another model is at `out` and there is no `force`.
        OutputLockedError: another run is writing `out`.
    """
    out = Path(out)
    recommender = create(model, **(settings or {}))
    check_metrics(recommender.info, metrics)
    refuse_features(metrics, "A model cannot be judged here")
    choose_device(options.device)
    refuse_inputs(out, source, valid)
    with locked(out):
        refuse_strange(out, MANIFEST)
        decides = {"model": model, "settings": recommender.config.model_dump(mode="json"), "metrics": list(metrics)}
        decides |= {"reading": reading, "seed": options.seed, "device": options.device, "precision": options.precision}
        origin = made_from("train", {"training data": source, "validation data": valid}, decides, out)
        checkpoints = Checkpoints(work_folder(out), resume)
        if folder_is_current(out, MANIFEST, origin, force=force, progress=options.progress):
            discard_checkpoint(checkpoints.folder)
            return _as_it_lies(out)
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
        _fit(recommender, split, replace(options, checkpoints=checkpoints))
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
        folder = recommender.save(out, made_from=origin, **facts)
        discard_checkpoint(checkpoints.folder)
    return Trained(folder, recommender, reached, fit_seconds, sizes, facts)


def _fit(model: Recommender, split: Split, options: RunOptions) -> None:
    checkpoints = options.checkpoints
    if checkpoints is None or not model.resumable:
        if checkpoints is not None and checkpoints.resume:
            options.progress.say(f"{model.info.name} leaves nothing to go on from: it is fitted from the beginning.")
        model.fit(split.train, split.valid, replace(options, checkpoints=None))
        return
    before = stamp(checkpoints.folder)
    if checkpoints.resume and before is not None:
        options.progress.say(f"Going on from the checkpoint in {checkpoints.folder}.")
    try:
        model.fit(split.train, split.valid, options)
    except KeyboardInterrupt as interrupt:
        now = stamp(checkpoints.folder)
        if now is not None and (checkpoints.resume or now != before):  # otherwise it is that of another training
            interrupt.args = ("What was trained so far is kept: the same command with --resume goes on from there.",)
        raise


def _as_it_lies(folder: Path) -> Trained:
    facts = read_manifest(folder).facts
    return Trained(
        folder,
        load(folder),
        facts.get("validation", {}),
        facts.get("fit_seconds", 0.0),
        facts.get("train", {}),
        {"stopping": None} | facts,
        up_to_date=True,
    )


def validation_means(
    model: Recommender, split: Split, metrics: Sequence[str], options: RunOptions
) -> dict[str, float]:  # fmt: skip
    """What a fitted model reaches on the validation data; empty where there is none."""
    if split.valid is None or not split.valid.relevant_counts().any():
        return {}
    return evaluate(model, split.valid, metrics, progress=options.progress).means()
