"""Where weights may be had: the model hub, package registries, this machine. Each fills a `Partial` or says why not."""
