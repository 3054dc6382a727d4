"""RecPack: its MultVAE and EASE."""

from __future__ import annotations

import numpy as np
import torch
from common import Job, main
from recpack.algorithms import EASE, MultVAE


def mult_vae_epoch(job: Job) -> None:
    model = MultVAE(batch_size=500, max_epochs=1, learning_rate=1e-3, seed=job.seed)
    model._init_model(job.train)
    model.model_.train()
    with job.work(users=job.shape[0]):
        model._train_epoch(job.train)
    model.model_.eval()

    @torch.no_grad()
    def scores(users: np.ndarray) -> np.ndarray:
        return model.model_(torch.from_numpy(job.train[users].toarray()))[0].numpy()

    job.keep_best(scores)


def ease_fit(job: Job) -> None:
    model = EASE(l2=job.settings["l2"])
    with job.work():
        model.fit(job.train)
    job.keep_best(lambda users: (job.train[users] @ model.similarity_matrix_).toarray())


if __name__ == "__main__":
    torch.set_num_threads(2)
    main({"mult-vae-epoch": mult_vae_epoch, "ease-fit": ease_fit}, ["recpack", "torch", "numpy", "scipy"])
