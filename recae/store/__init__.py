"""What lies on disk: atomic writes, tables, tensors and manifests, with no knowledge of models."""
