"""One entry for each model that needs one: settings with which every test of all models is quick."""

from __future__ import annotations

from typing import Any

KERNEL_NETWORK = {
    "latent": 10,
    "epochs": 60,
    "l2": 3.0,
    "hidden_l2": 3.0,
    "dropout": 0.5,
    "learning_rate": 0.02,
    "batch_users": 20,
    "starts": 1,
}
SMALL: dict[str, dict[str, Any]] = {
    "pure-svd": {"factors": 4},
    "ials": {"factors": 8, "l2": 1.0, "epochs": 5},
    "bpr": {"factors": 8, "epochs": 100, "learning_rate": 0.1},
    "nmf": {"factors": 4, "epochs": 20},
    "lmf": {"factors": 4, "epochs": 15},
    "ease": {"l2": 20.0},
    "slim": {"l1": 1.0, "l2": 20.0},
    "sansa": {"l2": 20.0, "density": 0.6},
    "elsa": {"latent": 10, "epochs": 40, "learning_rate": 0.02, "batch_users": 20},
    "cosine-dae": {"latent": 10, "epochs": 30, "learning_rate": 0.02, "batch_users": 20, "patience": 0},
    "edlae": {"l2": 10.0},
    "edlae-low-rank": {"l2": 10.0, "rank": 8, "omega": 20.0},
    "rdlae": {"l2": 10.0},
    "rdlae-low-pass": {"l2": 10.0, "rank_share": 0.1},
    "dlae": {"l2": 10.0},
    "deql": {"l2": 10.0},
    "svd-ae": {"rank_share": 0.1},
    "gf-cf": {"factors": 4},
    "autorec-item": {"latent": 10, "epochs": 60, "l2": 20.0, "dropout": 0.5, "learning_rate": 0.02, "batch_users": 20},
    "autorec-user": {"latent": 10, "epochs": 40, "l2": 0.5, "dropout": 0.85, "learning_rate": 0.03, "batch_users": 40},
    "autorec-both": {
        "latent": 10,
        "epochs": 40,
        "l2": 0.3,
        "hidden_l2": 0.5,
        "dropout": 0.8,
        "learning_rate": 0.03,
        "starts": 2,
    },
    "sparse-fc": KERNEL_NETWORK,
    "glocal-k": KERNEL_NETWORK,
    "mult-dae": {"latent": 10, "epochs": 30, "learning_rate": 0.01, "batch_users": 20},
    "mult-vae": {"hidden": 20, "latent": 8, "epochs": 30, "batch_users": 20},
    "cdae": {"latent": 8, "epochs": 30, "learning_rate": 0.03, "batch_users": 20},
    "cdae-fold-in": {"latent": 8, "epochs": 30, "learning_rate": 0.03, "batch_users": 20},
    "macrid-vae": {"prototypes": 2, "hidden": 10, "latent": 8, "epochs": 15, "batch_users": 20, "learning_rate": 0.01},
    "rec-vae": {"hidden": 16, "layers": 2, "latent": 8, "epochs": 10, "batch_users": 20, "learning_rate": 0.01},
    "h-vamp": {"hidden": 16, "latent": 8, "pseudo_users": 5, "epochs": 15, "batch_users": 20, "learning_rate": 0.01},
    "cfgan": {
        "latent": 10,
        "discriminator_hidden": 8,
        "epochs": 60,
        "batch_users": 60,
        "learning_rate": 0.05,
        "discriminator_rate": 0.05,
        "zero_weight": 1.0,
        "patience": 0,
    },
    "adversarial-ae": {"hidden": 0, "latent": 8, "epochs": 25, "learning_rate": 0.02, "batch_users": 60},
}
"""Settings that learn the little log in no time; the defaults where none are given. Sizes differ from its 40 items and
120 users, so that the tests can tell the axes of the weights."""

TALL: dict[str, dict[str, Any]] = {
    "autorec-item": {"latent": 2},
    "autorec-both": {"latent": 2},
    "sparse-fc": {"latent": 2},
    "glocal-k": {"latent": 2, "batch_users": 250},
    "rdlae-low-pass": {"rank_share": 0.005},
    "svd-ae": {"rank_share": 0.005},
    "inf-ae": {"max_users": 1000},
    "lmf": {"factors": 2},
    "rec-vae": {"encoder_passes": 1, "layers": 1},
}
"""What else makes a model quick on the log of 200,000 users by which memory is measured (tests/models/test_memory.py);
one epoch of large batches is already set. Models with parameters for every user get few."""
