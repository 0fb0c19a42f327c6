"""What was found: solutions, their values, pictures, reports and files."""
