"""Cosines and sines and their derivatives."""
