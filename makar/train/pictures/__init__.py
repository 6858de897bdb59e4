"""A pack of pictures to a Checkpoint. Needs torch, numpy, safetensors and Pillow alone, so it runs where little is."""
