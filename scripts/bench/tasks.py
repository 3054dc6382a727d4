"""What is measured: the tasks, who takes part in each, and how everybody is set.

Settings are the best that each library's documentation offers on two cores, as far as trying showed; where two or more
are worth a try, they are `candidates`: each is run once, the fastest is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

THREADS = 2


@dataclass(frozen=True)
class Peer:
    """A library with an environment of its own; those without requirements run in the environment of the command."""

    name: str
    title: str
    installed: bool = True
    blas_threads: int = THREADS


PEERS = {
    peer.name: peer
    for peer in (
        Peer("recae", "recae", installed=False),
        Peer("plain", "without a library", installed=False),
        Peer("recbole", "RecBole"),
        Peer("implicit", "implicit", blas_threads=1),
        Peer("lenskit", "LensKit"),
        Peer("rectools", "RecTools"),
        Peer("recpack", "RecPack"),
        Peer("cornac", "Cornac"),
        Peer("irspack", "irspack"),
        Peer("sansa", "SANSA (authors)"),
        Peer("elsarec", "ELSA (authors)"),
    )
}


@dataclass(frozen=True)
class Entry:
    """One line of a task's table: a library in one setting."""

    peer: str
    how: str
    """What was called, and how it was set."""
    variant: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    candidates: tuple[Mapping[str, Any], ...] = ()
    less: bool = False
    """It does less than is asked for: shown, but no match for the rest."""

    @property
    def key(self) -> str:
        return f"{self.peer} {self.variant}".strip()


@dataclass(frozen=True)
class Task:
    """The same work for everybody."""

    name: str
    title: str
    counted: str
    """What lies between start and stop of the clock."""
    entries: tuple[Entry, ...]
    needs: str = ""
    """What must be prepared besides the log."""
    seconds: Mapping[str, int] = field(default_factory=dict)
    """The limit of one run by data set; "" is for all others."""
    repeats: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What everybody is given by data set; "" is for all others."""
    quality: bool = True
    skip: tuple[str, ...] = ()
    """Data sets that are too large for it."""

    def given(self, data: str) -> dict[str, Any]:
        return dict(self.settings.get(data, self.settings.get("", {})))

    def limit(self, data: str) -> int:
        return self.seconds.get(data, self.seconds.get("", 120))


def threads_and(batches: tuple[int, ...] = ()) -> tuple[dict[str, int], ...]:
    """Candidates for implicit's own ranking: its threads, and users at a time."""
    found: list[dict[str, int]] = []
    for threads in (1, THREADS):
        found += [{"num_threads": threads, "batch": batch} for batch in batches] or [{"num_threads": threads}]
    return tuple(found)


def users_at_a_time(*counts: int) -> tuple[dict[str, int], ...]:
    return tuple({"batch": count} for count in counts)


MULT_VAE = Task(
    "mult-vae-epoch",
    "Mult-VAE [600-200-600], one epoch",
    "one epoch over all users in batches of 500 with Adam; for recae all of `fit`, with making the network; for the "
    "others their training loop",
    (
        Entry("recae", 'create("mult-vae", epochs=1, patience=0, batch_users=500).fit'),
        Entry("recbole", "MultiVAE, train_batch_size=500, Trainer.fit with epochs=1 and no validation"),
        Entry("irspack", "MultVAERecommender, minibatch_size=500, run_epoch; compiling by JAX not counted"),
        Entry(
            "recpack",
            "MultVAE, batch_size=500, _train_epoch alone: fit also evaluates, and ends in torch.load with "
            '"WeightsUnpickler error: Unsupported global: GLOBAL recpack.algorithms.mult_vae.MultiVAETorch"',
        ),
        Entry("cornac", 'VAECF(k=200, autoencoder_structure=[600], act_fn="tanh", likelihood="mult", batch_size=500)'),
        Entry("plain", "PyTorch, float32, dense batches, torch.optim.Adam"),
    ),
    seconds={"gowalla": 240, "": 90},
)
EASE = Task(
    "ease-fit",
    "EASE, fitted",
    "from the sparse log to the dense matrix of weights",
    (
        Entry("recae", 'create("ease").fit'),
        Entry("lenskit", "EASEScorer.train (Cholesky by PyTorch, its default)"),
        Entry("recbole", "EASE, the constructor, which fits"),
        Entry("rectools", "EASEModel.fit"),
        Entry("recpack", "EASE.fit"),
        Entry("cornac", "EASE(posB=False).fit"),
        Entry("irspack", "DenseSLIMRecommender.learn"),
        Entry("plain", "numpy.linalg.inv", variant="float32", settings={"dtype": "float32"}),
        Entry("plain", "numpy.linalg.inv", variant="float64", settings={"dtype": "float64"}),
    ),
    seconds={"gowalla": 400, "": 90},
    repeats={"gowalla": 1},
    settings={"gowalla": {"l2": 80.0}, "": {"l2": 500.0}},
)
SANSA = Task(
    "sansa-fit",
    "SANSA, fitted",
    "from the sparse log to sparse factors of the weights; both are given the same penalty and share of places",
    (
        Entry("recae", 'create("sansa").fit'),
        Entry(
            "sansa",
            "SANSA.fit, UMR inverter with 1 scan and 5 finetuning steps",
            candidates=({"factorizer": "CHOLMOD"}, {"factorizer": "ICF"}),
        ),
    ),
    seconds={"gowalla": 180, "": 90},
    repeats={"gowalla": 1},
    settings={"gowalla": {"l2": 80.0, "density": 0.0005}, "": {"l2": 500.0, "density": 0.005}},
)
ELSA = Task(
    "elsa-epoch",
    "ELSA with 256 dimensions, one epoch",
    "one epoch over all users; for recae all of `fit`",
    (
        Entry("recae", 'create("elsa", epochs=1, patience=0).fit'),
        Entry("elsarec", "ELSA.fit with epochs=1, shuffle=True"),
    ),
    seconds={"gowalla": 240, "": 90},
    settings={"": {"latent": 256, "batch": 1024, "rate": 0.1}},
)
TOP = Task(
    "top-100",
    "Top 100 for all users from 128 factors, seen items left out",
    "scoring, leaving out and ranking, in memory; everybody has the same factors",
    (
        Entry("recae", "recommend"),
        Entry("implicit", "AlternatingLeastSquares.recommend", candidates=threads_and((1000, 4096))),
        Entry("rectools", "ImplicitRanker.rank or TorchRanker.rank", candidates=(*threads_and(), {"batch": 512})),
        Entry("irspack", "NumPy's product, retrieve_recommend_from_score", settings={"batch": 1024}),
        Entry(
            "lenskit",
            "batch.recommend of a pipeline around ImplicitMFScorer; n_jobs=2 took longer",
            settings={"n_jobs": 1},
        ),
        Entry("plain", "PyTorch's product and topk", settings={"batch": 1024}),
    ),
    needs="factors",
    seconds={"gowalla": 150, "": 90},
)
AUTOENCODER = Task(
    "autoencoder-top-100",
    "Top 100 for all users from Mult-VAE [600-200-600], seen items left out",
    "scoring, leaving out and ranking, in memory; everybody has the same network",
    (
        Entry("recae", "recommend"),
        Entry("recbole", "full_sort_topk", candidates=users_at_a_time(512, 2048)),
        Entry(
            "irspack", "MultVAERecommender.get_score_remove_seen, retrieve_recommend_from_score, 500 users at a time"
        ),
    ),
    needs="network",
    seconds={"gowalla": 180, "": 90},
    settings={"": {"model": "mult-vae"}},
)
LINEAR = Task(
    "ease-top-100",
    "Top 100 for all users from EASE, seen items left out",
    "scoring, leaving out and ranking, in memory; everybody fits EASE with the same penalty before the clock starts",
    (
        Entry("recae", "recommend"),
        Entry("recbole", "full_sort_topk", candidates=users_at_a_time(512, 2048)),
        Entry("rectools", "EASEModel.recommend", candidates=threads_and()),
        Entry("lenskit", "batch.recommend of a pipeline around EASEScorer", settings={"n_jobs": 1}),
        Entry("irspack", "get_score_remove_seen, retrieve_recommend_from_score"),
        Entry("cornac", "Recommender.rank, user by user"),
    ),
    seconds={"": 90},
    settings={"": {"model": "ease", "l2": 500.0}},
    skip=("gowalla",),
)
EVALUATION = Task(
    "evaluation",
    "Full evaluation: NDCG, recall, MAP, MRR and coverage at 10, 20 and 100",
    "from the 128 factors, the same for everybody, by way of scores and lists to the values of the metrics; the "
    "figures are as each library defines them",
    (
        Entry("recae", "evaluate, with values per user"),
        Entry("recbole", "BPR with the factors, Trainer.evaluate", candidates=users_at_a_time(512, 2048)),
        Entry("lenskit", "batch.recommend and RunAnalysis, with values per user", settings={"n_jobs": 1}),
        Entry("rectools", "recommend of the ALS model, calc_metrics", candidates=threads_and()),
        Entry("irspack", "Evaluator.get_scores", settings={"batch": 1024}),
        Entry(
            "implicit",
            "ranking_metrics_at_k with K=10, which is four metrics at one cut-off",
            variant="one cut-off",
            candidates=threads_and(),
            less=True,
        ),
    ),
    needs="factors",
    seconds={"gowalla": 240, "": 90},
    quality=False,
)

TASKS = {task.name: task for task in (MULT_VAE, TOP, EVALUATION, AUTOENCODER, LINEAR, ELSA, SANSA, EASE)}
"""By importance, and the longest last."""
