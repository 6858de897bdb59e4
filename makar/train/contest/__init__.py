"""Pictures with attributes to a Checkpoint: a painter trained against a critic."""
