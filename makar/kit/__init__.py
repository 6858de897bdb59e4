"""What every stage needs and none owns: configuration, errors, files, plugins, progress. Knows nothing of AI."""
