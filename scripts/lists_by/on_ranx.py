"""ranx fits no models: it gets the lists of a neighbourhood count made here, saves its run, and judges it."""

from __future__ import annotations

import numpy as np
from common import Job, answer
from ranx import Qrels, Run, evaluate

job = Job()
known = job.known
users, items = (known[name].astype("category") for name in ("user_id", "item_id"))
seen = np.zeros((len(users.cat.categories), len(items.cat.categories)))
seen[users.cat.codes, items.cat.codes] = 1
together = seen.T @ seen
norms = np.sqrt(np.maximum(np.diag(together), 1))
np.fill_diagonal(together, 0)
scores = seen @ (together / norms / norms[:, None])
scores[seen > 0] = -np.inf

names, position = items.cat.categories.to_numpy(), {user: at for at, user in enumerate(users.cat.categories)}
lists = {}
for user in sorted(set(job.test["user_id"]) & set(position)):
    row = scores[position[user]]
    best = np.argsort(-row, kind="stable")[: job.depth]
    # A run is ordered by its scores alone: equal ones would be ordered by chance.
    lists[user] = {str(names[item]): float(row[item]) - 1e-9 * place for place, item in enumerate(best)}
run = Run(lists, name="neighbours")
file = job.out / "ranx.parquet"
run.save(str(file))

asked = job.test[job.test["user_id"].isin(list(lists))]
qrels = Qrels({user: dict.fromkeys(group["item_id"], 1) for user, group in asked.groupby("user_id")})
k = job.k
names_of = {
    f"ndcg@{k}": "ndcg@k",
    f"recall@{k}": "recall@k",
    f"precision@{k}": "precision@k",
    f"map@{k}": "map@k",
    f"mrr@{k}": "mrr@k",
    f"hit_rate@{k}": "hit_rate@k",
    "r-precision": "r-precision",
}
found = evaluate(qrels, run, list(names_of))
answer(
    file, "a cosine of items counted here, `Run.save`, `evaluate`", "ranx", {names_of[n]: v for n, v in found.items()}
)
