"""irspack: its Mult-VAE on JAX, DenseSLIM (EASE), lists and metrics by its compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
from common import DEPTH, Job, main
from irspack import DenseSLIMRecommender, Evaluator
from irspack.utils.id_mapping import retrieve_recommend_from_score
from scipy import sparse


def mult_vae_epoch(job: Job) -> None:
    from irspack.recommenders.multvae import MultVAERecommender

    np.random.seed(job.seed)  # noqa: NPY002 (irspack shuffles by it)
    model = MultVAERecommender(job.train, dim_z=200, enc_hidden_dims=600, minibatch_size=500, anneal_end_epoch=200)
    trainer = model.trainer = model._create_trainer()
    # Compiling by JAX belongs to no epoch: one step of each of the two batch sizes first.
    users = trainer.n_users
    for size in (500, users % 500):
        if size:
            trainer.n_users = size
            trainer.run_epoch()
    trainer.n_users = users
    with job.work(users=users):
        trainer.run_epoch()
        np.asarray(next(iter(trainer.params.values()))["w"])  # JAX works ahead: wait for the last step
    job.keep_best(model.get_score)


def ease_fit(job: Job) -> None:
    model = DenseSLIMRecommender(job.train, reg=job.settings["l2"])
    with job.work():
        model.learn()
    job.keep_best(model.get_score)


def rank(scores: np.ndarray, seen: sparse.csr_matrix, threads: int) -> list[list[tuple[int, float]]]:
    rows = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
    scores[rows, seen.indices] = -np.inf
    return retrieve_recommend_from_score(scores, [], DEPTH, threads)


def as_lists(found: list[list[tuple[int, float]]]) -> np.ndarray:
    return np.array([[item for item, _ in row] + [-1] * (DEPTH - len(row)) for row in found], dtype=np.int32)


def top(job: Job) -> None:
    factors, users, step = job.arrays("factors"), np.arange(job.shape[0]), job.settings["batch"]
    with job.work(users=len(users)):
        found = []
        for i in range(0, len(users), step):
            scores = factors["users"][i : i + step] @ factors["items"].T
            found += rank(scores, job.train[i : i + step], job.threads)
    job.keep_lists(as_lists(found), users)


def network(job: Job) -> Any:
    """irspack's Mult-VAE with the prepared weights."""
    from irspack.recommenders.multvae import MultVAERecommender

    model = MultVAERecommender(job.train, dim_z=200, enc_hidden_dims=600, minibatch_size=500)
    trainer = model.trainer = model._create_trainer()
    given = job.arrays("network")
    trainer.params = {
        "linear": {"w": given["encoder"], "b": given["encoder_bias"]},
        "linear_1": {"w": given["code"].T, "b": given["code_bias"]},
        "linear_2": {"w": given["decoder"].T, "b": given["decoder_bias"]},
        "linear_3": {"w": given["output"].T, "b": given["output_bias"]},
    }
    return model


def autoencoder_top(job: Job) -> None:
    users = np.arange(job.shape[0])
    if job.settings["model"] == "ease":
        model, step = DenseSLIMRecommender(job.train, reg=job.settings["l2"]), 1024
        model.learn()
    else:
        model, step = network(job), 500
    with job.work(users=len(users)):
        found = []
        for i in range(0, len(users), step):
            scores = model.get_score_remove_seen(users[i : i + step])
            found += retrieve_recommend_from_score(scores, [], DEPTH, job.threads)
    job.keep_lists(as_lists(found), users)


class Factors:
    """A model as irspack's evaluator wants it."""

    def __init__(self, job: Job) -> None:
        given = job.arrays("factors")
        self.users, self.items_t = given["users"], np.ascontiguousarray(given["items"].T)
        self.X_train_all = job.train
        self.n_users, self.n_items = job.shape

    def get_score_block(self, begin: int, end: int) -> np.ndarray:
        return self.users[begin:end] @ self.items_t


def evaluation(job: Job) -> None:
    evaluator = Evaluator(job.target, n_threads=job.threads, mb_size=job.settings["batch"])
    model = Factors(job)
    with job.work(users=len(job.test_users())):
        values = evaluator.get_scores(model, [10, 20, 100])
    job.say(note="without MRR, means only", values={name: float(value) for name, value in values.items()})


if __name__ == "__main__":
    main(
        {
            "mult-vae-epoch": mult_vae_epoch,
            "ease-fit": ease_fit,
            "top-100": top,
            "autoencoder-top-100": autoencoder_top,
            "ease-top-100": autoencoder_top,
            "evaluation": evaluation,
        },
        ["irspack", "jax", "numpy", "scipy"],
    )
