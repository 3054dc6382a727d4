"""The authors' ELSA."""

from __future__ import annotations

import torch
from common import Job, main
from elsa import ELSA


def elsa_epoch(job: Job) -> None:
    torch.manual_seed(job.seed)
    model = ELSA(
        n_items=job.shape[1], n_dims=job.settings["latent"], device=torch.device("cpu"), lr=job.settings["rate"]
    )
    with job.work(users=job.shape[0]):
        model.fit(job.train, batch_size=job.settings["batch"], epochs=1, shuffle=True, verbose=False)
    with torch.no_grad():
        job.keep_best(lambda users: model(torch.from_numpy(job.train[users].toarray())).numpy())


if __name__ == "__main__":
    torch.set_num_threads(2)
    main({"elsa-epoch": elsa_epoch}, ["elsarec", "torch", "numpy", "scipy"])
