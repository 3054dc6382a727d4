"""`python -m recae` is `recae`."""

import sys

from recae.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
