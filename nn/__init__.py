"""Layers, losses, optimisers, data and training, composed from primitives of autodiff."""
