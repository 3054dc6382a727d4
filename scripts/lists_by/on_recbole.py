"""RecBole: EASE, lists by `full_sort_topk`, figures by its trainer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from common import Job, answer
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed
from recbole.utils.case_study import full_sort_topk

job = Job()
folder = job.out / "atomic" / "lists"
folder.mkdir(parents=True, exist_ok=True)
for part in ("train", "valid", "test"):
    table = getattr(job, part)[["user_id", "item_id"]]
    table.columns = ["user_id:token", "item_id:token"]
    table.to_csv(folder / f"lists.{part}.inter", sep="\t", index=False)
config = Config(
    model="EASE",
    dataset="lists",
    config_dict={
        "data_path": str(folder.parent),
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id"]},
        "eval_args": {"split": {"RS": [1, 1, 1]}, "group_by": "user", "order": "RO", "mode": "full"},
        "topk": [job.k],
        "metrics": ["NDCG", "Recall", "Precision", "MAP", "MRR", "Hit"],
        "valid_metric": f"NDCG@{job.k}",
        "metric_decimal_place": 12,
        "reg_weight": 100.0,
        "epochs": 1,
        "use_gpu": False,
        "show_progress": False,
        "state": "ERROR",
        "train_neg_sample_args": None,
        "checkpoint_dir": str(folder / "saved"),
    },
)
init_seed(42, True)
dataset = create_dataset(config)
train, _valid, test = data_preparation(config, dataset)
model = get_model("EASE")(config, train.dataset)
found = get_trainer(config["MODEL_TYPE"], "EASE")(config, model).evaluate(test, load_best_model=False)

users = dataset.token2id("user_id", np.unique(job.test["user_id"].to_numpy()))
scores, items = full_sort_topk(users, model, test, job.depth, device=torch.device("cpu"))
lists = pd.DataFrame(
    {
        "user_id:token": np.repeat(dataset.id2token("user_id", users), job.depth),
        "item_id:token": dataset.id2token("item_id", items.numpy()).ravel(),
        "score:float": scores.numpy().ravel(),
    }
)
file = job.out / "recbole.inter"
lists.to_csv(file, sep="\t", index=False)
answer(file, "`EASE`, `full_sort_topk` written as an atomic file, `Trainer.evaluate`", "recbole", found)
