"""Pure nn.Modules: tensors in, tensors out, no files and no sampling."""
