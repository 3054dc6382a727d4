"""The authors' SANSA."""

from __future__ import annotations

import logging

from common import Job, main
from sansa import (
    SANSA,
    CHOLMODGramianFactorizerConfig,
    ICFGramianFactorizerConfig,
    SANSAConfig,
    UMRUnitLowerTriangleInverterConfig,
)


def sansa_fit(job: Job) -> None:
    factorizer = {"CHOLMOD": CHOLMODGramianFactorizerConfig, "ICF": ICFGramianFactorizerConfig}
    model = SANSA(
        SANSAConfig(
            l2=job.settings["l2"],
            weight_matrix_density=job.settings["density"],
            gramian_factorizer_config=factorizer[job.settings["factorizer"]](),
            lower_triangle_inverter_config=UMRUnitLowerTriangleInverterConfig(scans=1, finetune_steps=5),
        )
    )
    with job.work():
        model.fit(job.train)
    job.keep_best(lambda users: model.forward(job.train[users]).toarray())


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main({"sansa-fit": sansa_fit}, ["sansa", "scikit-sparse", "numpy", "scipy"])
