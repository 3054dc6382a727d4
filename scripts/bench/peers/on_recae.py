"""recae, by its public functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from common import DEPTH, Job, main
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.evaluation.evaluate import evaluate
from recae.models.base import Recommender
from recae.models.registry import create, load
from recae.options import RunOptions
from recae.ranking.lists import Product
from recae.ranking.recommend import recommend

METRICS = [f"{name}@{k}" for k in (10, 20, 100) for name in ("ndcg", "recall", "map", "mrr", "coverage")]


def log_of(job: Job) -> Interactions:
    return Interactions(sparse.csr_array(job.train), IdIndex.range(job.shape[0]), IdIndex.range(job.shape[1]))


def fit(job: Job, name: str, **settings: Any) -> None:
    """Time `fit` as a caller sees it."""
    log, model = log_of(job), create(name, **settings)
    with job.work(users=job.shape[0] if "epochs" in settings else None):
        model.fit(log, options=RunOptions(seed=job.seed, device="cpu"))
    keep(job, model)


def keep(job: Job, model: Recommender) -> None:
    if job.wants_lists:
        users = job.test_users()
        job.keep_lists(recommend(model, sparse.csr_array(job.train[users]), DEPTH).items, users)


def mult_vae_epoch(job: Job) -> None:
    fit(job, "mult-vae", epochs=1, patience=0, batch_users=500)


def ease_fit(job: Job) -> None:
    fit(job, "ease", l2=job.settings["l2"])


def sansa_fit(job: Job) -> None:
    fit(job, "sansa", l2=job.settings["l2"], density=job.settings["density"])


def elsa_epoch(job: Job) -> None:
    wanted = job.settings
    rate = {"learning_rate": wanted["rate"]}
    fit(job, "elsa", epochs=1, patience=0, latent=wanted["latent"], batch_users=wanted["batch"], **rate)


class Factors:
    """A scorer of given vectors, as recae's own factor models are: the id of a user is its position."""

    def __init__(self, job: Job) -> None:
        given = job.arrays("factors")
        self.items = IdIndex.range(job.shape[1])
        self.user_vectors, self.item_vectors = given["users"], given["items"]

    def vectors_of(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        if users is None:
            raise ValueError("the users are needed")
        vectors: np.ndarray = self.user_vectors[users.values.to_numpy()]
        return vectors

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        scores: np.ndarray = self.vectors_of(histories, users) @ self.item_vectors.T
        return scores

    def as_product(self) -> Product:
        return Product(self.vectors_of, self.item_vectors)


def rank(job: Job, model: Any) -> None:
    users, histories = np.arange(job.shape[0]), sparse.csr_array(job.train)
    with job.work(users=len(users)):
        lists = recommend(model, histories, DEPTH, users=IdIndex.range(len(users)))
    job.keep_lists(lists.items, users)


def top(job: Job) -> None:
    rank(job, Factors(job))


def autoencoder_top(job: Job) -> None:
    if job.settings["model"] == "ease":
        rank(job, create("ease", l2=job.settings["l2"]).fit(log_of(job), options=RunOptions(device="cpu")))
    else:
        rank(job, load(job.data / "mult-vae"))


def evaluation(job: Job) -> None:
    users = job.test_users()
    held_out = HeldOut(
        sparse.csr_array(job.train[users]),
        sparse.csr_array(job.target[users]),
        IdIndex.range(job.shape[0]).subset(users),
        np.zeros(len(users), dtype=np.int64),
    )
    model = Factors(job)
    with job.work(users=len(users)):
        found = evaluate(model, held_out, METRICS)
    job.say(values=found.means())


if __name__ == "__main__":
    main(
        {
            "mult-vae-epoch": mult_vae_epoch,
            "ease-fit": ease_fit,
            "sansa-fit": sansa_fit,
            "elsa-epoch": elsa_epoch,
            "top-100": top,
            "autoencoder-top-100": autoencoder_top,
            "ease-top-100": autoencoder_top,
            "evaluation": evaluation,
        },
        ["recae", "torch", "numpy", "scipy"],
    )
