"""RecTools: EASE, the table of its `recommend`, figures by `calc_metrics`."""

from __future__ import annotations

from common import Job, answer
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import (
    MAP,
    MRR,
    NDCG,
    CatalogCoverage,
    HitRate,
    MeanInvUserFreq,
    Precision,
    Recall,
    calc_metrics,
)
from rectools.models import EASEModel

job = Job()
data = Dataset.construct(job.known.assign(**{Columns.Weight: 1.0, Columns.Datetime: "2026-01-01"}))
model = EASEModel(regularization=100).fit(data)
known = set(job.known["user_id"])
lists = model.recommend([user for user in sorted(set(job.test["user_id"])) if user in known], data, job.depth, True)
file = job.out / "rectools.csv"
lists.to_csv(file, index=False)

k = job.k
metrics = {
    "NDCG(k)": NDCG(k=k),
    "NDCG(k, divide_by_achievable=True)": NDCG(k=k, divide_by_achievable=True),
    "Recall(k)": Recall(k=k),
    "Precision(k)": Precision(k=k),
    "Precision(k, r_precision=True)": Precision(k=k, r_precision=True),
    "MAP(k)": MAP(k=k),
    "MAP(k, divide_by_k=True)": MAP(k=k, divide_by_k=True),
    "MRR(k)": MRR(k=k),
    "HitRate(k)": HitRate(k=k),
    "MeanInvUserFreq(k)": MeanInvUserFreq(k=k),
    "CatalogCoverage(k, normalize=True)": CatalogCoverage(k=k, normalize=True),
}
found = calc_metrics(
    metrics,
    reco=lists,
    interactions=job.test[["user_id", "item_id"]],
    prev_interactions=job.known,
    catalog=job.known["item_id"].unique(),
)
answer(file, "`EASEModel.recommend`, `DataFrame.to_csv`, `calc_metrics`", "rectools", found)
