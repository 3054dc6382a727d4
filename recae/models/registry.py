"""Every model by name: one literal table, imported when a model is asked for."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recae.errors import ConfigError

if TYPE_CHECKING:
    from recae.models.base import Recommender

MODELS = {
    "popularity": "recae.models.popularity:Popularity",
    "item-knn": "recae.models.neighbours.item_knn:ItemKnn",
    "rp3beta": "recae.models.neighbours.rp3beta:Rp3Beta",
    "pure-svd": "recae.models.linear.pure_svd:PureSvd",
    "svd-ae": "recae.models.linear.svd_ae:SvdAe",
    "gf-cf": "recae.models.linear.gf_cf:GfCf",
    "ials": "recae.models.factorization.ials:Ials",
    "bpr": "recae.models.factorization.bpr:Bpr",
    "nmf": "recae.models.factorization.nmf:Nmf",
    "lmf": "recae.models.factorization.lmf:Lmf",
    "ease": "recae.models.linear.ease:Ease",
    "slim": "recae.models.linear.slim:Slim",
    "sansa": "recae.models.linear.sansa:Sansa",
    "edlae": "recae.models.linear.edlae:Edlae",
    "edlae-low-rank": "recae.models.linear.edlae_low_rank:EdlaeLowRank",
    "rdlae": "recae.models.linear.rdlae:Rdlae",
    "rdlae-low-pass": "recae.models.linear.rdlae_low_pass:RdlaeLowPass",
    "dlae": "recae.models.linear.dlae:Dlae",
    "deql": "recae.models.linear.deql:Deql",
    "inf-ae": "recae.models.autoencoders.inf_ae:InfAe",
    "elsa": "recae.models.autoencoders.elsa:Elsa",
    "cosine-dae": "recae.models.autoencoders.cosine_dae:CosineDae",
    "autorec-item": "recae.models.autoencoders.autorec_item:AutoRecItem",
    "autorec-user": "recae.models.autoencoders.autorec_user:AutoRecUser",
    "autorec-both": "recae.models.autoencoders.autorec_both:AutoRecBoth",
    "sparse-fc": "recae.models.autoencoders.sparse_fc:SparseFc",
    "glocal-k": "recae.models.autoencoders.glocal_k:GlocalK",
    "mult-dae": "recae.models.autoencoders.mult_dae:MultDae",
    "mult-vae": "recae.models.autoencoders.mult_vae:MultVae",
    "cdae": "recae.models.autoencoders.cdae:Cdae",
    "cdae-fold-in": "recae.models.autoencoders.cdae:CdaeFoldIn",
    "macrid-vae": "recae.models.autoencoders.macrid_vae:MacridVae",
    "rec-vae": "recae.models.autoencoders.rec_vae:RecVae",
    "h-vamp": "recae.models.autoencoders.h_vamp:HVamp",
    "cfgan": "recae.models.autoencoders.cfgan:Cfgan",
    "adversarial-ae": "recae.models.autoencoders.adversarial_ae:AdversarialAe",
}


def model_names() -> list[str]:
    """The names of all models, in the order in which they are listed."""
    return list(MODELS)


def model_class(name: str) -> type[Recommender]:
    """The class behind `name`.

    Raises:
        ConfigError: there is no such model; the sentence names the nearest one.
    """
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(MODELS)}."
        raise ConfigError(f"There is no model {name!r}. {hint}")
    module, _, attribute = MODELS[name].partition(":")
    found: type[Recommender] = getattr(importlib.import_module(module), attribute)
    return found


def create(name: str, **settings: Any) -> Recommender:
    """A new, unfitted model: `create("ease", l2=500)`.

    Raises:
        ConfigError: there is no such model, or a hyper-parameter is unknown or impossible.
    """
    return model_class(name)(**settings)


def load(folder: str | Path) -> Recommender:
    """The model that `Recommender.save` wrote to `folder`. Runs no code from the folder.

    Raises:
        ModelFormatError: the folder is damaged, incomplete or of a newer format.
        StorageError: it cannot be read.
    """
    from recae.models.folder import load_model

    return load_model(Path(folder), model_class)
