"""Whole networks: sessions of steps on one, sweeps over many, folders to share."""
