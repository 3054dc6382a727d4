"""What `reproduce.py` fits: data, models, the settings tried on validation data, and what others published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Settings = dict[str, Any]

SACHDEVA = "Sachdeva et al. 2022"
HONG = "Hong et al. 2024"
BARS = "BARS benchmark"
FERRARI = "Ferrari Dacrema group's re-tuning"
SEDHAIN = "Sedhain et al. 2015"
MULLER = "Muller et al. 2018"
HAN = "Han et al. 2021"


@dataclass(frozen=True)
class Recipe:
    """One row of the table."""

    model: str
    published: str = ""
    """Figures in the order of the data set's metrics; empty where nobody published any on this split."""
    source: str = ""
    settings: tuple[Settings, ...] | None = None
    """Tried on validation data, the best is kept; a single one is taken as it is. None: the model's own grid."""
    variant: str = ""
    """What distinguishes this row from another of the same model."""
    refit: bool = False
    """Also fitted on train + valid with the chosen settings: for models that need no validation data to stop."""

    @property
    def name(self) -> str:
        return f"{self.model} ({self.variant})" if self.variant else self.model


@dataclass(frozen=True)
class DataSet:
    """A data set with its split, and what is measured on it."""

    title: str
    split: str
    metrics: tuple[str, ...]
    choose_by: str
    """The metric on validation data by which settings are chosen."""
    recipes: tuple[Recipe, ...]
    seeds: tuple[int, ...] = (42,)
    """Seeds of the split where it is drawn here, and of the fits; figures are means over them."""


def grid(name: str, *values: Any) -> tuple[Settings, ...]:
    """Settings that differ in one hyper-parameter."""
    return tuple({name: value} for value in values)


POWERS = tuple(
    {"l2": l2, "user_power": user, "item_power": item}
    for l2 in (500.0, 1000.0)
    for user in (0.3, 0.5, 0.7)
    for item in (0.1, 0.2)
)
DENOISING: tuple[Settings, ...] = (
    {},
    {"l2": 300.0, "dropout": 0.5},
    {"l2": 400.0, "dropout": 0.5},
    {"l2": 500.0, "dropout": 0.5},
)
POWERED = tuple(
    {"l2": l2, "dropout": 0.5, "user_power": user, "item_power": item}
    for l2 in (400.0, 500.0)
    for user in (0.5, 0.7)
    for item in (0.1, 0.2)
)
MULT_VAE = {"hidden": 0, "anneal_steps": 2_000, "beta": 0.5, "batch_users": 100}
HVAMP = {"hidden": 200, "learning_rate": 2e-3, "beta": 0.1, "warm_up": 20, "pseudo_users": 200, "epochs": 60}
MACRID_VAE = {"hidden": 600, "latent": 400, "prototypes": 2, "epochs": 30, "patience": 6}
ADVERSARIAL = {
    "hidden": 0,
    "latent": 200,
    "dropout": 0.5,
    "batch_users": 250,
    "learning_rate": 3e-3,
    "adversarial_rate": 3e-4,
    "epochs": 40,
}
CFGAN = {
    "epochs": 60,
    "latent": 100,
    "discriminator_hidden": 50,
    "batch_users": 128,
    "learning_rate": 2e-3,
    "discriminator_rate": 2e-3,
    "l2": 1e-6,
    "discriminator_l2": 0.0,
}

ML_1M = DataSet(
    "MovieLens 1M, implicit",
    "The random 80/10/10 split per user of the infinite-AE paper. All ratings count as 1; settings are chosen on the "
    "validation part, models fitted on the training part, and at test time the history is train + valid. *Refitted* is "
    "the same setting fitted on train + valid.",
    ("ndcg@10", "recall@20"),
    "ndcg@10",
    (
        Recipe("popularity", "0.1384", SACHDEVA, refit=True),
        Recipe("item-knn", refit=True),
        Recipe("rp3beta", refit=True),
        Recipe("pure-svd", refit=True),
        Recipe("svd-ae", "0.3355", HONG + ", fitted on train + valid", refit=True),
        Recipe("gf-cf", refit=True),
        Recipe("ials", "0.2565", SACHDEVA + ", another matrix factorization", refit=True),
        Recipe("bpr"),
        Recipe("nmf", refit=True),
        Recipe("lmf", settings=({"l2": 10.0},)),
        Recipe("ease", "0.2988", SACHDEVA, grid("l2", 250.0, 500.0, 1000.0, 2000.0), refit=True),
        Recipe("ease", "", "", POWERS, "with DAN's powers", refit=True),
        Recipe("edlae", "", "", DENOISING, refit=True),
        Recipe("edlae", "", "", POWERED, "with DAN's powers", refit=True),
        Recipe("edlae-low-rank", refit=True),
        Recipe("dlae", "", "", DENOISING, refit=True),
        Recipe("rdlae", "", "", DENOISING, refit=True),
        Recipe("rdlae", "", "", POWERED, "with DAN's powers", refit=True),
        Recipe("rdlae-low-pass", refit=True),
        Recipe("deql", "", "", DENOISING, refit=True),
        Recipe("slim", settings=({"l1": 10.0, "l2": 100.0}, {"l1": 10.0, "l2": 300.0}), refit=True),
        Recipe("sansa", settings=({"density": 0.005}, {"density": 0.02}), refit=True),
        Recipe("elsa", settings=({}, {"latent": 1024, "learning_rate": 0.005})),
        Recipe("cosine-dae"),
        Recipe("inf-ae", "0.3282", SACHDEVA, grid("l2", 5.0, 3.0, 7.0), refit=True),
        Recipe("mult-dae", settings=({"l2": 1e-4, "learning_rate": 3e-3, "dropout": 0.7, "batch_users": 200},)),
        Recipe("mult-vae", "0.2214", SACHDEVA, (MULT_VAE,)),
        Recipe(
            "rec-vae",
            settings=({"layers": 1, "batch_users": 100, "learning_rate": 1e-3, "gamma": 0.005, "epochs": 40},),
        ),
        Recipe("h-vamp", settings=(HVAMP,)),
        Recipe("cdae", settings=({"epochs": 30},)),
        Recipe("cdae-fold-in", settings=({"l2": 5e-3, "epochs": 30},)),
        Recipe("macrid-vae", settings=(MACRID_VAE,)),
        Recipe("cfgan", settings=(CFGAN,)),
        Recipe("adversarial-ae", settings=(ADVERSARIAL,)),
    ),
)

FILTERED = tuple(
    {"item_power": 0.0, "relaxation": 0.0, "rank_share": 0.01, "filter_l2": 0.0} | tried
    for tried in (
        {"l2": 80.0, "dropout": 0.8, "user_power": 0.0, "low_pass": 0.0},
        {"l2": 60.0, "dropout": 0.9, "user_power": 0.5, "low_pass": 0.0},
        {"l2": 60.0, "dropout": 0.9, "user_power": 0.5, "low_pass": 0.1},
    )
)

GOWALLA = DataSet(
    "Gowalla",
    "The split of the LightGCN paper. Where settings are chosen, 5 % of the training interactions are cut off as "
    "validation data, and the best setting is fitted on all of the training part.",
    ("recall@20", "ndcg@20"),
    "recall@20",
    (
        Recipe("popularity"),
        Recipe("item-knn", "0.156 / 0.123", FERRARI),
        Recipe("rp3beta", "0.183 / 0.152", FERRARI, ({}, {"alpha": 0.8, "beta": 0.2, "neighbours": 777})),
        Recipe("gf-cf", "0.1849 / 0.1518", BARS, ({},)),
        Recipe("ease", "0.1765 / 0.1467", BARS, ({"l2": 80.0},)),
        Recipe("edlae", "", "", ({"l2": 80.0, "dropout": 0.8},), "setting of Moon et al. 2023"),
        Recipe("rdlae-low-pass", "", "", FILTERED),
    ),
)

RATINGS = DataSet(
    "MovieLens 1M, ratings",
    "A random 90/10 % of all ratings, three times. The settings were found on 5 % of the first one's training ratings, "
    "and are fitted on all of them.",
    ("rmse",),
    "rmse",
    (
        Recipe("autorec-user", "0.874", SEDHAIN, ({"l2": 100.0},)),
        Recipe("autorec-item", "0.831", SEDHAIN, ({},)),
        Recipe("autorec-both", settings=({},)),
        Recipe("sparse-fc", "0.824", MULLER + ", one network", ({},), "5 networks averaged"),
        Recipe("glocal-k", "0.822", HAN + ", one network", ({"starts": 8},), "8 networks averaged"),
    ),
    seeds=(1, 2, 3),
)

DATA_SETS = {"ml-1m": ML_1M, "gowalla": GOWALLA, "ml-1m-ratings": RATINGS}
