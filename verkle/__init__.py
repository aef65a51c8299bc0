"""The mathematics and the tree: fields, Banderwagon, commitments, proofs of openings, embedding, tree."""
