"""Cornac: its VAECF and EASE."""

from __future__ import annotations

import numpy as np
import torch
from common import DEPTH, Job, main
from cornac.data import Dataset
from cornac.models import EASE, VAECF


def data_of(job: Job) -> Dataset:
    """Cornac numbers users and items as they come, so that numbers are positions where every item is met in order."""
    entries = job.train.tocoo()
    return Dataset.build(zip(entries.row.tolist(), entries.col.tolist(), [1.0] * entries.nnz, strict=True))


def order_of(data: Dataset, job: Job) -> np.ndarray:
    """Cornac's number of each item."""
    return np.array([data.iid_map[item] for item in range(job.shape[1])])


def mult_vae_epoch(job: Job) -> None:
    data = data_of(job)
    model = VAECF(
        k=200,
        autoencoder_structure=[600],
        act_fn="tanh",
        likelihood="mult",
        n_epochs=1,
        batch_size=500,
        learning_rate=1e-3,
        beta=0.2,
        seed=job.seed,
    )
    with job.work(users=job.shape[0]):
        model.fit(data)
    order = order_of(data, job)
    job.say(note="without dropout and annealing, which it does not have")
    job.keep_best(lambda users: np.stack([model.score(data.uid_map[user])[order] for user in users.tolist()]))


def ease_fit(job: Job) -> None:
    data, model = data_of(job), EASE(lamb=job.settings["l2"], posB=False)
    with job.work():
        model.fit(data)
    order = order_of(data, job)
    job.keep_best(lambda users: job.train[users] @ np.asarray(model.B)[np.ix_(order, order)])


def autoencoder_top(job: Job) -> None:
    data, model = data_of(job), EASE(lamb=job.settings["l2"], posB=False)
    model.fit(data)
    users = [data.uid_map[user] for user in range(job.shape[0])]
    names = np.array(list(data.item_ids))
    with job.work(users=len(users)):
        lists = []
        for user in users:
            ranked, _ = model.rank(user, k=DEPTH + len(data.user_data[user][0]))
            lists.append(ranked[~np.isin(ranked, data.user_data[user][0])][:DEPTH])
    job.keep_lists(names[np.stack(lists)], np.arange(len(users)))


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(
        {"mult-vae-epoch": mult_vae_epoch, "ease-fit": ease_fit, "ease-top-100": autoencoder_top},
        ["cornac", "torch", "numpy", "scipy"],
    )
