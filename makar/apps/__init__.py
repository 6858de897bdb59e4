"""Applications, built on the public verbs alone."""
