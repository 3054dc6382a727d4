"""What models have learned about the items, made visible: maps, neighbours."""
