"""One folder per modality, identical inside. Rooms never import rooms."""
