package main

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/crate-crypto/go-ipa/bandersnatch/fr"
)

// word is the random 32 bytes at an index of a stream: SHA-256(seed || stream * 2^32 + index), numbers as u64 LE.
func word(seed, stream uint64, index int) [32]byte {
	var input [16]byte
	binary.LittleEndian.PutUint64(input[:8], seed)
	binary.LittleEndian.PutUint64(input[8:], stream<<32+uint64(index))
	return sha256.Sum256(input[:])
}

// scalar is a word as a little-endian number, reduced.
func scalar(seed, stream uint64, index int) fr.Element {
	bytes := word(seed, stream, index)
	var result fr.Element
	result.SetBytesLE(bytes[:])
	return result
}

// choice is a word's first eight bytes, little-endian, modulo bound.
func choice(seed, stream uint64, index, bound int) int {
	bytes := word(seed, stream, index)
	return int(binary.LittleEndian.Uint64(bytes[:8]) % uint64(bound))
}

func scalars(seed, stream uint64, count int) []fr.Element {
	result := make([]fr.Element, count)
	for i := range result {
		result[i] = scalar(seed, stream, i)
	}
	return result
}
