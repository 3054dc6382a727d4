"""Parts of scripts/mutation.py."""
