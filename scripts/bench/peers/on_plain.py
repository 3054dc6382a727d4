"""What one would write without a library: Mult-VAE in plain PyTorch, EASE in NumPy, lists by torch.topk."""

from __future__ import annotations

import numpy as np
import torch
from common import DEPTH, Job, main
from torch import nn
from torch.nn import functional


class MultVae(nn.Module):
    """[600-200-600] with dense layers throughout, as the paper's code has it."""

    def __init__(self, n_items: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_items, 600), nn.Tanh(), nn.Linear(600, 400))
        self.decoder = nn.Sequential(nn.Linear(200, 600), nn.Tanh(), nn.Linear(600, n_items))
        for layer in (*self.encoder, *self.decoder):
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.trunc_normal_(layer.bias, std=0.001)

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden = functional.dropout(functional.normalize(rows), 0.5, self.training)
        mean, log_variance = self.encoder(hidden).chunk(2, dim=1)
        noise = torch.randn_like(mean) * torch.exp(0.5 * log_variance) if self.training else 0
        return self.decoder(mean + noise), mean, log_variance


def mult_vae_epoch(job: Job) -> None:
    torch.manual_seed(job.seed)
    model = MultVae(job.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = np.random.default_rng(job.seed).permutation(job.shape[0])
    with job.work(users=job.shape[0]):
        for step, start in enumerate(range(0, len(order), 500)):
            rows = torch.from_numpy(job.train[order[start : start + 500]].toarray())
            logits, mean, log_variance = model(rows)
            likelihood = -(functional.log_softmax(logits, dim=1) * rows).sum(dim=1).mean()
            divergence = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(dim=1).mean()
            loss = likelihood + min(0.2, step / 200_000) * divergence
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        job.keep_best(lambda users: model(torch.from_numpy(job.train[users].toarray()))[0].numpy())


def ease_fit(job: Job) -> None:
    dtype = np.dtype(job.settings["dtype"])
    with job.work():
        gram = (job.train.T @ job.train).toarray().astype(dtype, copy=False)
        gram[np.diag_indices_from(gram)] += job.settings["l2"]
        inverse = np.linalg.inv(gram)
        del gram
        inverse /= -np.diag(inverse)
        np.fill_diagonal(inverse, 0.0)
    job.keep_best(lambda users: job.train[users] @ inverse)


def top(job: Job) -> None:
    factors, users, step = job.arrays("factors"), job.shape[0], job.settings["batch"]
    left, right = torch.from_numpy(factors["users"]), torch.from_numpy(factors["items"]).T.contiguous()
    with job.work(users=users):
        found = []
        for start in range(0, users, step):
            seen = job.train[start : start + step]
            scores = left[start : start + step] @ right
            scores[np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr)), seen.indices] = -torch.inf
            found.append(scores.topk(DEPTH, dim=1).indices)
    job.keep_lists(torch.cat(found).numpy(), np.arange(users))


if __name__ == "__main__":
    main({"mult-vae-epoch": mult_vae_epoch, "ease-fit": ease_fit, "top-100": top}, ["torch", "numpy", "scipy"])
