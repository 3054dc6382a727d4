"""The command line: one small file per command, each a thin skin over one function of `recae.jobs`."""
