"""The words: types, parameters, containers and codecs that every other floor speaks with."""
