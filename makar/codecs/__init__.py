"""Codecs: what lies between raw content and the space a model works in (text and token ids, messages and prompts)."""
