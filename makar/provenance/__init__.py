"""Decision -> Released or Withheld: the conductor of a work, its record, and the only seal there is."""
