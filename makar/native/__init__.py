"""Decoding at the speed of memory: packed weights, a C++ kernel for the whole step, and a PyTorch twin of it."""
