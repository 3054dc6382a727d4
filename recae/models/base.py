"""`Recommender`: the one protocol that every model follows, and its validated hyper-parameters."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy import sparse

from recae.data.ids import UNKNOWN, IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.split import HeldOut
from recae.errors import ConfigError, DataError
from recae.models.capacity import refuse_unless_it_fits
from recae.models.cost import Cost, Shape
from recae.options import DEFAULTS, RunOptions
from recae.ranking.lists import Product
from recae.training.curve import LearningCurve

Scale = Literal["linear", "log", "choice"]
Weights = dict[str, np.ndarray]


class ModelConfig(BaseModel):
    """Hyper-parameters: typed, validated, frozen. Unknown names and impossible values are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


def param(
    default: Any,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    tune: tuple[Any, ...] | None = None,
    scale: Scale = "linear",
) -> Any:
    """A hyper-parameter: its default, the values it may take, and the range in which tuning searches.

    Its meaning is the docstring under the field. `tune` is (low, high), or the values themselves for
    scale="choice".
    """
    extra: Any = None if tune is None else {"tune": list(tune), "scale": scale}
    bounds: Any = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    return Field(default, json_schema_extra=extra, **bounds)


@dataclass(frozen=True)
class ModelInfo:
    """What a person should know before choosing a model."""

    name: str
    title: str
    source: str
    """Paper or documentation: authors, year, title."""
    family: Literal["baseline", "linear", "autoencoder", "factorization", "neighbours"]
    needs: Literal["implicit", "ratings"] = "implicit"
    inductive: bool = True
    """Scores any history row. If False, it knows only the users it was trained on."""
    cost: str = ""
    """Memory and time as formulas in users, items, nnz and the hyper-parameters."""


class Recommender(ABC):
    """A model: `fit` learns from interactions, `score` rates all items for rows of histories.

    A subclass names its `info`, its `Config` and a `grid` (settings worth trying on validation data, the
    defaults first), and implements `cost`, `_fit`, `score`, `weights` and `_restore`. A second `fit` starts anew.
    """

    info: ClassVar[ModelInfo]
    Config: ClassVar[type[ModelConfig]]
    grid: ClassVar[tuple[dict[str, Any], ...]] = ({},)

    items: IdIndex
    item_counts: np.ndarray
    """(n_items,) int64: users per item in the training data; the order of last resort for users without history."""
    n_train_users: int
    users: IdIndex | None = None
    """The training users; kept only by models that are not inductive."""
    data_fingerprint: str = ""
    """Of the training data: `Interactions.fingerprint`."""
    columns: Columns = Columns()
    curve: LearningCurve | None = None
    resumable: ClassVar[bool] = False
    """Whether a fit leaves checkpoints, from which an interrupted one goes on (`RunOptions.checkpoints`)."""

    def __init__(self, config: ModelConfig | None = None, **settings: Any) -> None:
        self.config: Any = config if config is not None else make_config(type(self), settings)

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.config)
        return f"{type(self).__name__}({settings})"

    def fit(self, train: Interactions, valid: HeldOut | None = None, options: RunOptions = DEFAULTS) -> Self:
        """Learn from `train`; `valid` (same items) decides when training stops, where the model trains in epochs.

        Raises:
            DataError: there is nothing to learn from, or the model needs ratings and there are none.
            CapacityError: it would take more memory than `options.max_memory`, or than the machine has free.
        """
        if train.nnz == 0:
            raise DataError("There are no interactions to learn from.")
        if self.info.needs == "ratings" and not train.has_ratings:
            raise DataError(f"{self.info.name} learns from ratings, and the data has no rating column.")
        refuse_unless_it_fits(self, Shape.of(train), options.max_memory)
        self.items, self.columns = train.items, train.columns
        self.item_counts, self.n_train_users = train.item_counts(), train.n_users
        self.data_fingerprint = train.fingerprint()
        self.users = None if self.info.inductive else train.users
        self.curve = None
        self._fit(train, valid, options)
        return self

    @abstractmethod
    def cost(self, shape: Shape) -> Cost:
        """What a fit to a log of this shape and scoring take; known before either begins."""

    @abstractmethod
    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        """Set the learned state, from scratch."""

    @abstractmethod
    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        """(n_rows, n_items) float32, finite, higher is better; a row does not depend on the rows beside it.

        `histories` is (n_rows, n_items) with the model's items as columns: ratings or weights, 1 where there
        are none. `users` names the rows; models that are not inductive need it. The histories' values are
        ignored by implicit models, which look only at which items are there.
        """

    def as_product(self) -> Product | None:
        """The scores as inner products of vectors, where that is what they are: ranking them is much faster."""
        return None

    @abstractmethod
    def weights(self) -> Weights:
        """The learned state as named arrays: all that `_restore` needs."""

    @abstractmethod
    def _restore(self, weights: Weights) -> None:
        """Take over what `weights` gave; KeyError or ValueError where names or shapes are wrong."""

    def item_vectors(self) -> np.ndarray | None:
        """(n_items, latent) float32 by which items can be compared, or None."""
        return None

    def similar_items(self, positions: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """For each item position: the n most similar items, (len, n) positions and similarities, itself left out.

        Where fewer than n items are similar, positions end in -1 and similarities in NaN. Cosine of `item_vectors`;
        models without vectors compare by the scores they give to a history of the one item.
        """
        from recae.models.similar import by_cosine, by_score

        vectors = self.item_vectors()
        return by_score(self, positions, n) if vectors is None else by_cosine(vectors, positions, n)

    def positions_of(self, users: IdIndex | None) -> np.ndarray:
        """For models that are not inductive: the training position of each row's user.

        Raises:
            DataError: a user was not in the training data, or rows came without users.
        """
        if users is None or self.users is None:
            raise DataError(f"{self.info.name} knows users only by id; pass the ids of the rows.")
        positions = self.users.positions(users.values)
        if (positions == UNKNOWN).any():
            strangers = np.flatnonzero(positions == UNKNOWN)
            first = users.values[int(strangers[0])].as_py()
            raise DataError(
                f"{self.info.name} cannot score {len(strangers)} users that were not in its training data "
                f"(the first is {first!r}); use an inductive model or train again."
            )
        return positions

    def facts(self) -> dict[str, Any]:
        """What a fit found out beside the weights, for the manifest; nothing for most models."""
        return {}

    def save(self, folder: str | Path, **facts: Any) -> Path:
        """Write the model folder (atomic); `facts` are kept in its manifest. Returns the folder."""
        from recae.models.folder import save_model

        return save_model(self, Path(folder), facts)


def make_config(model: type[Recommender], settings: dict[str, Any]) -> ModelConfig:
    """The model's validated hyper-parameters from `settings` (values may be text, as on a command line).

    Raises:
        ConfigError: an unknown name or an impossible value; every mistake is named in one sentence.
    """
    try:
        return model.Config(**settings)
    except ValidationError as error:
        known = ", ".join(model.Config.model_fields) or "none"
        wrong = "; ".join(_mistake(str(e["loc"][0]), e, model.Config) for e in error.errors())
        raise ConfigError(f"{model.info.name} cannot use these hyper-parameters: {wrong}. It has: {known}.") from None


def _mistake(name: str, error: Mapping[str, Any], config: type[ModelConfig]) -> str:
    if error["type"] != "extra_forbidden":
        wish = str(error["msg"]).removeprefix("Input should be ").partition(", unable")[0]
        return f"{name} must be {wish} (got {error['input']!r})"
    near = difflib.get_close_matches(name.lower(), config.model_fields, n=1, cutoff=0.5)
    return f"there is no {name}" + (f" (did you mean {near[0]}?)" if near else "")
