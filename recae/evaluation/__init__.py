"""From lists to figures: metrics with one exact definition each, kept per user."""
