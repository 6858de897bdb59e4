"""A method is a loss with its samplers."""
