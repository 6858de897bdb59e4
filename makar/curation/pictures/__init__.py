"""Pictures with names and licences, from packages to one small pack: obtained, rendered, captioned, compared, split."""
