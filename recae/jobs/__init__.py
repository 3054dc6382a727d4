"""The jobs, one function each: what the command line and a notebook call."""
