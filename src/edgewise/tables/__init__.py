"""Tables: files, columns as numbers, additive curves, and the tables that come with edgewise."""
