"""The jobs: one function each with typed arguments, used by the command line and by notebooks alike."""
