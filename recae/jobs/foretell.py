"""What a job says before it begins: how much memory and roughly how much time it takes, where that is notable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scipy import sparse

from recae.errors import CapacityError
from recae.jobs.rates import Rates, in_words, measured_rates
from recae.models.base import Recommender
from recae.models.capacity import amount, free_memory, refuse_unless_it_fits
from recae.models.cost import Cost, Shape, Work
from recae.models.folder import WEIGHTS
from recae.models.instead import instead_of
from recae.options import RunOptions
from recae.progress import Progress
from recae.ranking.recommend import MEMORY_BYTES

NOTABLE_BYTES, NOTABLE_SECONDS = 10**9, 60.0
SLOW = Rates(products=5e9, narrow=1e10, moved=2e9, sparse=2e7)
"""Of a machine slower than any in use: what is quick on it needs no measurement."""
LEAST_BLOCK = 16 << 20
"""A block of scores is not made smaller than this to fit into memory."""


def foretell_fits(models: Sequence[Recommender], shape: Shape, what: str, options: RunOptions) -> None:
    """Refuse what would not fit, and say what `what`, fits of these models one after the other, takes.

    Raises:
        CapacityError: one of them would take more than `options.max_memory`, or than the machine has free.
    """
    for model in models:
        refuse_unless_it_fits(model, shape, options.max_memory)
    costs = [model.cost(shape) for model in models]
    if costs:
        _say(what, max(cost.fit_bytes for cost in costs), costs, options)


def _say(what: str, needed: int, costs: Sequence[Cost], options: RunOptions) -> None:
    if needed < NOTABLE_BYTES and sum(SLOW.seconds(cost.fit) for cost in costs) < NOTABLE_SECONDS:
        return
    rates = measured_rates(options.device, options.precision)
    ranges = [rates.fit_range(cost) for cost in costs]
    least, most = sum(low for low, _ in ranges), sum(high for _, high in ranges)
    if needed >= NOTABLE_BYTES or most >= NOTABLE_SECONDS:
        options.progress.say(f"{what} takes up to {amount(needed)} of memory and about {in_words(least, most)}.")


def refuse_large_folder(folder: Path, max_memory: int | None) -> None:
    """Refuse a model folder whose weights alone would not fit, before they are read.

    Raises:
        CapacityError: they would take more than `max_memory`, or than the machine has free.
    """
    weights = folder / WEIGHTS
    if not weights.is_file():
        return  # whoever loads it says what is wrong
    may, needed = free_memory() if max_memory is None else max_memory, weights.stat().st_size
    if needed > may:
        raise CapacityError(
            f"The model in {folder} takes {amount(needed)} of memory and {amount(may)} may be used: train a smaller "
            "one; `recae plan` tells which would fit."
        )


def block_for_lists(
    model: Recommender, histories: sparse.csr_array, max_memory: int | None, progress: Progress, what: str
) -> int:
    """Bytes that a block of scores may take when all of `histories` (n_users, n_items) are scored and ranked.

    Says what it takes, where that is notable.

    Raises:
        CapacityError: even with small blocks it would take more than `max_memory`, or than the machine has free.
    """
    shape = Shape.assumed(max(histories.shape[0], 1), len(model.items), histories.nnz)
    learned = Shape.assumed(model.n_train_users, len(model.items), int(model.item_counts.sum()))
    cost = model.cost(learned)
    # The model is in memory already, and no part of what is free.
    may = free_memory() + cost.size_bytes if max_memory is None else max_memory

    def needed(other: Cost, block: int = LEAST_BLOCK) -> int:
        return other.lists_bytes(shape, block)

    if needed(cost) > may:
        raise CapacityError(
            f"{what} would take about {amount(needed(cost))} of memory and {amount(may)} may be used. "
            f"{instead_of(model, learned, may, needed)}"
        )
    block = min(MEMORY_BYTES, LEAST_BLOCK + may - needed(cost))
    _say_lists(what, needed(cost, block), cost.lists(shape), progress)
    return block


def _say_lists(what: str, needed: int, work: Work, progress: Progress) -> None:
    if needed < NOTABLE_BYTES and SLOW.seconds(work) < NOTABLE_SECONDS:
        return
    least, most = measured_rates().range(work)
    if needed >= NOTABLE_BYTES or most >= NOTABLE_SECONDS:
        progress.say(f"{what} takes up to {amount(needed)} of memory and about {in_words(least, most)}.")
