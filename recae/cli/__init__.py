"""The command line: a thin skin over `recae.jobs`, one small file per command."""
