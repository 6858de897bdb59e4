"""What can be told from other text by its form and check digits alone. Pure functions from text to spans."""
