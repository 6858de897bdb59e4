"""The public functions: each takes what a person would say and returns only what has been released."""
