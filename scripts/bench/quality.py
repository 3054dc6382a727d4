"""The quality of lists by one formula for everybody: NDCG@10 and truncated recall at 20."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from bench_data import load


def judge(lists_file: Path, home: Path) -> dict[str, float]:
    """Means over the users who have a target: NDCG with binary gains, recall by min(20, number of targets)."""
    with np.load(lists_file) as stored:
        lists, users = stored["lists"], stored["users"]
    _, target = load(home)
    counts = np.diff(target.indptr)[users]
    lists, users, counts = lists[counts > 0], users[counts > 0], counts[counts > 0]
    n_items = target.shape[1]
    known = np.repeat(np.arange(target.shape[0], dtype=np.int64), np.diff(target.indptr)) * n_items + target.indices
    hits = np.isin(users[:, None].astype(np.int64) * n_items + lists, known) & (lists >= 0)
    gains = 1 / np.log2(np.arange(2, 12))
    ideal = np.append(0, np.cumsum(gains))[np.minimum(counts, 10)]
    ndcg = (hits[:, :10] * gains).sum(axis=1) / ideal
    recall = hits[:, :20].sum(axis=1) / np.minimum(counts, 20)
    return {"ndcg@10": float(ndcg.mean()), "trecall@20": float(recall.mean())}
