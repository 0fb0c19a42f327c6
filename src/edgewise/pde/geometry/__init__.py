"""Where an equation holds: jets of functions at points, domains, their boundaries and corners."""
