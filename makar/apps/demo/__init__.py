"""The demonstration: a few works made for real, and one page that shows each with what is known of it."""
