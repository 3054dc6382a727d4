"""Make the sample in data/ again, byte for byte (the same as `recae data sample --out data`)."""

from __future__ import annotations

import sys
from pathlib import Path

from recae.data.synthetic import write_sample

if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "data"
    for path in write_sample(out):
        print(path)
