"""From results to pages: HTML, Markdown and JSON from the same object."""
