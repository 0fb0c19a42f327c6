"""What is to hold: equations, conditions, unknown functions, and what they leave at points."""
