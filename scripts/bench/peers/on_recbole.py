"""RecBole: Mult-VAE by its own trainer, EASE, `full_sort_topk`, and its trainer's full-sort evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import DEPTH, Job, main
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed
from recbole.utils.case_study import full_sort_topk


class World:
    """RecBole's objects for one model on the job's data, with its own ids mapped to positions."""

    def __init__(self, job: Job, model: str, **settings: Any) -> None:
        folder = _atomic_files(job)
        config = Config(
            model=model,
            dataset="bench",
            config_dict={
                "data_path": str(folder.parent),
                "benchmark_filename": ["train", "valid", "test"],
                "USER_ID_FIELD": "user_id",
                "ITEM_ID_FIELD": "item_id",
                "load_col": {"inter": ["user_id", "item_id"]},
                "eval_args": {"split": {"RS": [1, 1, 1]}, "group_by": "user", "order": "RO", "mode": "full"},
                "topk": [10, 20, 100],
                "metrics": ["NDCG", "Recall", "MAP", "MRR"],
                "valid_metric": "NDCG@10",
                "epochs": 1,
                "use_gpu": False,
                "show_progress": False,
                "state": "ERROR",
                "seed": job.seed,
                "checkpoint_dir": str(folder / "saved"),
                "train_neg_sample_args": None,
                "eval_batch_size": job.settings.get("batch", 500) * (job.shape[1] + 1),
                **settings,
            },
        )
        init_seed(job.seed, True)
        self.dataset = create_dataset(config)
        self.train, self.valid, self.test = data_preparation(config, self.dataset)
        self.model = get_model(model)(config, self.train.dataset)
        self.config = config
        self.trainer = get_trainer(config["MODEL_TYPE"], model)(config, self.model)
        self.users = self._ids("user_id", job.shape[0])
        self.items = self._ids("item_id", job.shape[1])
        self.position = np.full(self.dataset.item_num, -1, dtype=np.int64)
        self.position[self.items] = np.arange(job.shape[1])

    def _ids(self, field: str, size: int) -> np.ndarray:
        """RecBole's id of each position; 0, its padding, where it never met the token."""
        known = self.dataset.field2token_id[field]
        return np.array([known.get(str(position), 0) for position in range(size)])

    def scores(self, users: np.ndarray) -> np.ndarray:
        """(n, n_items) by position."""
        self.model.eval()
        with torch.no_grad():
            flat = self.model.full_sort_predict({"user_id": torch.as_tensor(self.users[users])})
        return flat.view(len(users), -1).numpy()[:, self.items]

    def rank(self, users: np.ndarray, step: int) -> np.ndarray:
        """Lists by RecBole's `full_sort_topk`, in the batches that it is told to use."""
        self.model.eval()
        found = [
            full_sort_topk(self.users[users[i : i + step]], self.model, self.test, DEPTH, device=torch.device("cpu"))[1]
            for i in range(0, len(users), step)
        ]
        return self.position[torch.cat(found).numpy()]


def _atomic_files(job: Job) -> Path:
    """RecBole's own input files, made once; item i has the token "i"."""
    folder = job.data / "recbole" / "bench"
    if not (folder / "bench.test.inter").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name, matrix in (("train", job.train), ("valid", job.target), ("test", job.target)):
            rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
            columns = matrix.indices
            if name == "valid":  # RecBole wants a validation part; the benchmark has none and never looks at it
                rows, columns = rows[:1], columns[:1]
            np.savetxt(
                folder / f"bench.{name}.inter",
                np.column_stack([rows, columns]),
                fmt="%d",
                delimiter="\t",
                header="user_id:token\titem_id:token",
                comments="",
            )
    return folder


MULT_VAE = {"mlp_hidden_size": [600], "latent_dimension": 400, "dropout_prob": 0.5, "anneal_cap": 0.2}


def mult_vae_epoch(job: Job) -> None:
    world = World(job, "MultiVAE", train_batch_size=500, learning_rate=0.001, **MULT_VAE)
    with job.work(users=job.shape[0]):
        world.trainer.fit(world.train, saved=False, show_progress=False)
    job.keep_best(world.scores)


def ease_fit(job: Job) -> None:
    folder = World(job, "Pop")
    from recbole.model.general_recommender import EASE

    folder.config["reg_weight"] = float(job.settings["l2"])
    with job.work():
        world_model = EASE(folder.config, folder.train.dataset)
    folder.model = world_model
    job.keep_best(folder.scores)


def autoencoder_top(job: Job) -> None:
    users = job.test_users()  # full_sort_topk knows only the users of its test data
    step = job.settings["batch"]
    if job.settings["model"] == "ease":
        world = World(job, "EASE", reg_weight=job.settings["l2"])
    else:
        world = World(job, "MultiVAE", **MULT_VAE)
        _take_network(world, job.arrays("network"))
    with job.work(users=len(users)):
        lists = world.rank(users, step)
    job.keep_lists(lists, users)


def _take_network(world: World, given: dict[str, np.ndarray]) -> None:
    """Put the prepared weights into RecBole's network; its item 0 is padding."""
    model = world.model
    first, last = model.encoder[0], model.decoder[2]
    order = world.items
    with torch.no_grad():
        first.weight.zero_()[:, order] = torch.from_numpy(given["encoder"]).T
        first.bias.copy_(torch.from_numpy(given["encoder_bias"]))
        model.encoder[2].weight.copy_(torch.from_numpy(given["code"]))
        model.encoder[2].bias.copy_(torch.from_numpy(given["code_bias"]))
        model.decoder[0].weight.copy_(torch.from_numpy(given["decoder"]))
        model.decoder[0].bias.copy_(torch.from_numpy(given["decoder_bias"]))
        last.weight.zero_()[order] = torch.from_numpy(given["output"])
        last.bias.zero_()[order] = torch.from_numpy(given["output_bias"])


def evaluation(job: Job) -> None:
    factors = job.arrays("factors")
    world = World(
        job,
        "BPR",
        embedding_size=factors["users"].shape[1],
        train_neg_sample_args={"distribution": "uniform", "sample_num": 1, "dynamic": False, "candidate_num": 0},
    )
    with torch.no_grad():
        world.model.user_embedding.weight[world.users] = torch.from_numpy(factors["users"])
        world.model.item_embedding.weight[world.items] = torch.from_numpy(factors["items"])
    with job.work(users=len(job.test_users())):
        values = world.trainer.evaluate(world.test, load_best_model=False, show_progress=False)
    job.say(
        note="means only, without coverage: "
        "ItemCoverage ends in \"AttributeError: 'int' object has no attribute 'cpu'\"",
        values={name: float(value) for name, value in values.items()},
    )


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(
        {
            "mult-vae-epoch": mult_vae_epoch,
            "ease-fit": ease_fit,
            "autoencoder-top-100": autoencoder_top,
            "ease-top-100": autoencoder_top,
            "evaluation": evaluation,
        },
        ["recbole", "torch", "numpy", "scipy"],
    )
