"""Rolls: lists of members as files, to bring a programme here and to take it away."""
