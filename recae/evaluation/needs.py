"""What metrics need beside lists and targets, and one clear sentence where it is missing."""

from __future__ import annotations

from collections.abc import Sequence

from recae.data.split import HeldOut
from recae.errors import ConfigError, DataError
from recae.evaluation.background import Background
from recae.evaluation.metrics import Metric

BY_VECTORS = ("ild", "unexpectedness", "serendipity")
BY_HISTORY = ("popularity-lift", "miscalibration", "unexpectedness", "serendipity")


def check_needs(metrics: Sequence[Metric], known: Background, held_out: HeldOut, *, scored: bool) -> None:
    """Check that all that `metrics` need is there; `scored` says whether every item of the catalogue has a score.

    Raises:
        ConfigError: a metric needs what was not given.
        DataError: a metric needs what the data does not have, or what was given is about other items or users.
    """
    for metric in metrics:
        if metric.needs_counts and known.popularity is None:
            raise ConfigError(f"{metric} needs to know how many training users each item has; leave it out here.")
        if metric.name in BY_VECTORS and known.unit_vectors is None:
            raise ConfigError(
                f"{metric} needs to know what the items are like: give a catalogue with genres, or "
                "Background(vectors=...)."
            )
        if metric.name == "miscalibration" and known.genre_shares is None:
            raise ConfigError(
                f"{metric} needs the genres of the items: give a catalogue with genres, or Background(genres=...)."
            )
        if metric.needs_scores and not scored:
            raise ConfigError(
                f"{metric} needs a score for every item of the catalogue; lists have only the first ones."
            )
        if metric.name in BY_HISTORY and held_out.history.nnz == 0:
            raise DataError(f"{metric} compares lists with histories, and nobody has a history of known items.")
    known.check(held_out.target.shape[1], held_out.n_users)
