"""When training stopped, and on which data that was decided."""

from __future__ import annotations

from typing import Any, Literal

from recae.counted import counted
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.data.splits import validation_cut
from recae.models.base import Recommender


def stopping(model: Recommender, train: Interactions, valid: HeldOut | None, seed: int) -> dict[str, Any] | None:
    """What decided about the epochs of a model fitted on `train`, as JSON; None where nothing was measured.

    `held_back` is what the model cut from its training data because it was given no validation data, else None.
    """
    curve = model.curve
    if curve is None or curve.metric_name is None:
        return None
    best = next((point.metric for point in curve.points if point.epoch == curve.best_epoch), None)
    return {
        "metric": curve.metric_name,
        "value": best,
        "best_epoch": curve.best_epoch,
        "epochs": len(curve.points),
        "stopped_early": curve.stopped_early,
        "held_back": _held_back(model, train, seed) if valid is None else None,
    }


def stopping_sentence(told: dict[str, Any]) -> str:
    """For a person, e.g. "epoch 12 of 17 was best, ndcg@10 0.3124 on 50 users held back from training"."""
    value = "" if told["value"] is None else f" {told['value']:.4f}"
    part, on = told["held_back"], "the validation data"
    if part is not None:
        on = f"{counted(part['targets'], 'interaction')} of {counted(part['users'], 'user')} held back from training"
        if part["kind"] == "users":
            on = f"{counted(part['users'], 'user')} held back from training"
    return f"epoch {told['best_epoch']} of {told['epochs']} was best, {told['metric']}{value} on {on}"


def _held_back(model: Recommender, train: Interactions, seed: int) -> dict[str, Any]:
    # The same cut once more: it depends on the data and the seed alone.
    kind: Literal["users", "entries"] = getattr(model, "held_out_kind", "users")
    _, part = validation_cut(train, seed=seed, kind=kind)
    return {"kind": kind, "users": part.n_users, "targets": int(part.target.nnz)}
