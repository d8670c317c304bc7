"""What a pull request and a merge run, and what writes the files of a stack."""
