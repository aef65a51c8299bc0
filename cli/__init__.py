"""The roof: the command `verkle`. The only floor with terminals, files, clocks and the environment."""
