"""What the neural models share: fitting by the one engine, and their network as named arrays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from scipy import sparse
from torch import nn

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.data.validation import validation_cut
from recae.models.autoencoders.inference import shown
from recae.models.base import ModelConfig, Recommender, Weights, param
from recae.models.identity import fit_identity
from recae.options import RunOptions
from recae.ranking.lists import Product
from recae.training.engine import Machine, Pass, Schedule, Step, one_pass, train
from recae.training.sparse import SparseRows
from recae.training.validation import Validation, held_out_metric


class NetworkConfig(ModelConfig):
    """Hyper-parameters of every neural model."""

    epochs: int = param(200, ge=1, le=100_000)
    """Passes over the training users, at most."""
    patience: int = param(20, ge=0)
    """Stop after this many epochs without a better validation metric; 0 trains all epochs."""
    batch_users: int = param(500, ge=1)
    """Users per gradient step."""
    learning_rate: float = param(1e-3, gt=0, le=1, tune=(1e-4, 1e-2), scale="log")
    """Adam's step size."""

    def penalty(self, n_rows: int) -> float:
        """Weight of half the sum of squared weights beside the mean loss over `n_rows` training examples."""
        return 0.0

    def schedule(self, n_rows: int) -> Schedule:
        """How long and how fast to train on `n_rows` training examples, those without any entry not counted."""
        return Schedule(self.epochs, self.batch_users, self.learning_rate, self.penalty(n_rows), self.patience)


class NetworkRecommender(Recommender):
    """A model whose state is one torch module.

    A subclass builds the network, whose last layer is called `output` and has a row of weights for each item.
    Training rows are users unless it says otherwise.
    """

    held_out_kind: ClassVar[Literal["users", "entries"]] = "users"
    """What is cut from the training data to stop in time, where no validation data is given."""
    stop_metric: ClassVar[str] = "ndcg@10"
    resumable = True
    network: Any

    @abstractmethod
    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        """The untrained network, with the methods `loss` (as the engine's `LossOf`) and `scores`."""

    def _kept(self, network: nn.Module) -> nn.Module:
        """What scoring needs of a trained network: all of it, where a model does not say otherwise."""
        return network

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        """What an epoch of training on `rows` is made of."""
        return one_pass(self.network, self.network.loss)

    def _training_rows(self, train: Interactions) -> sparse.csr_array:
        """The sparse matrix whose rows are the training examples."""
        return train.binary() if self.info.needs == "implicit" else train.matrix

    def _validation(self, valid: HeldOut) -> Validation:
        """What is measured after each epoch."""
        return held_out_metric(self, valid, self.stop_metric)

    def _fit(self, train_log: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        machine = Machine.of(options)
        identity = fit_identity(self, valid, options, device=machine.device.type, precision=str(machine.dtype))
        if valid is None and self.config.patience:
            train_log, valid = validation_cut(train_log, seed=options.seed, kind=self.held_out_kind)
        rows = self._training_rows(train_log)
        self.network = self._build(train_log.n_users, train_log.n_items, machine.generator)
        validation = None if valid is None else self._validation(valid)
        schedule = self.config.schedule(int(np.count_nonzero(np.diff(rows.indptr))))
        passes = self._passes(rows)
        self.curve = train(self.network, passes, rows, schedule, machine, options, validation, identity)
        self.network = self._kept(self.network)

    @torch.no_grad()
    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        scores: np.ndarray = self.network.scores(self._shown(histories, users)).cpu().numpy()
        return scores

    def as_product(self) -> Product | None:
        """As of every model, where the network has a method `last_hidden` for what its `output` is given."""
        if not hasattr(getattr(self, "network", None), "last_hidden"):  # rating models keep codes in place of theirs
            return None
        weight, bias = (side.detach().cpu().numpy() for side in (self.network.output.weight, self.network.output.bias))
        return Product(self._last_hidden, weight, bias)

    @torch.no_grad()
    def _last_hidden(self, histories: sparse.csr_array, users: IdIndex | None) -> np.ndarray:
        hidden: np.ndarray = self.network.last_hidden(self._shown(histories, users)).cpu().numpy()
        return hidden

    def _shown(self, histories: sparse.csr_array, users: IdIndex | None) -> SparseRows:
        """What the network, ready to score, is shown of the histories."""
        if self.network.training:
            self.network.eval()
        positions = None if self.info.inductive else self.positions_of(users)
        device = next(self.network.parameters()).device
        return shown(histories, device, positions, ones=self.info.needs == "implicit")

    def item_vectors(self) -> np.ndarray:
        vectors: np.ndarray = self.network.output.weight.detach().cpu().numpy()
        return vectors

    def weights(self) -> Weights:
        return {name: tensor.detach().cpu().numpy() for name, tensor in self.network.state_dict().items()}

    def _restore(self, weights: Weights) -> None:
        n_users = 0 if self.users is None else len(self.users)
        self.network = self._kept(self._build(n_users, len(self.items), torch.Generator()))
        expected = {name: tuple(tensor.shape) for name, tensor in self.network.state_dict().items()}
        found = {name: array.shape for name, array in weights.items()}
        if found != expected:
            raise ValueError(f"the weights have shapes {found}, but {expected} are needed")
        self.network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
        self.network.eval()


def sampled_pass(network: Any) -> tuple[Pass, ...]:
    """An epoch of one loss that reads some rows of the `encoder`'s and the `output`'s tables, and moves no others."""
    tables = (network.encoder.weight, network.output.weight)
    named = {id(table) for table in tables}
    others = [parameter for parameter in network.parameters() if id(parameter) not in named]
    return (Pass((Step(network.loss, others, tables=tables),)),)
