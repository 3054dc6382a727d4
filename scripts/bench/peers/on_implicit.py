"""implicit: `recommend` and one compiled metric, of an ALS model that is given its factors."""

from __future__ import annotations

import numpy as np
from common import DEPTH, Job, main
from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k


def model_of(job: Job) -> AlternatingLeastSquares:
    factors = job.arrays("factors")
    model = AlternatingLeastSquares(factors=factors["users"].shape[1], num_threads=job.settings["num_threads"])
    model.user_factors, model.item_factors = factors["users"], factors["items"]
    return model


def top(job: Job) -> None:
    model, users = model_of(job), np.arange(job.shape[0])
    step = job.settings["batch"]
    with job.work(users=len(users)):
        found = [
            model.recommend(users[i : i + step], job.train[i : i + step], N=DEPTH)[0]
            for i in range(0, len(users), step)
        ]
    job.keep_lists(np.concatenate(found), users)


def evaluation(job: Job) -> None:
    model = model_of(job)
    with job.work(users=len(job.test_users())):
        values = ranking_metrics_at_k(
            model, job.train, job.target, K=10, show_progress=False, num_threads=job.settings["num_threads"]
        )
    job.say(note="means only", values={f"{name}@10": value for name, value in values.items()})


if __name__ == "__main__":
    main({"top-100": top, "evaluation": evaluation}, ["implicit", "numpy", "scipy"])
