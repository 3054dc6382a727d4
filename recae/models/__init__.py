"""The models, one per file, behind one protocol; `registry` finds them by name."""
