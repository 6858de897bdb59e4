"""An autoencoder that cleans pictures: a pack to a checkpoint; the loop is a generator."""
