package main

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	multiproof "github.com/crate-crypto/go-ipa"
	"github.com/crate-crypto/go-ipa/bandersnatch/fr"
	"github.com/crate-crypto/go-ipa/banderwagon"
	"github.com/crate-crypto/go-ipa/common"
	"github.com/crate-crypto/go-ipa/ipa"
)

const (
	width = 256
	// label begins the transcripts of the proofs that are not tree proofs.
	label = "verkle"
)

var errRejected = errors.New("rejected")

// settings are the generators and their tables, made when first used.
var settings = sync.OnceValue(func() *ipa.IPAConfig {
	made, err := ipa.NewIPASettings()
	if err != nil {
		panic(err)
	}
	return made
})

func pointers[T any](values []T) []*T {
	result := make([]*T, len(values))
	for i := range values {
		result[i] = &values[i]
	}
	return result
}

func encoded(points []banderwagon.Element) []byte {
	result := make([]byte, 0, 32*len(points))
	for _, one := range banderwagon.ElementsToBytes(pointers(points)...) {
		result = append(result, one[:]...)
	}
	return result
}

func littleEndian(values []fr.Element) []byte {
	result := make([]byte, 0, 32*len(values))
	for i := range values {
		one := values[i].BytesLE()
		result = append(result, one[:]...)
	}
	return result
}

func decoded(data []byte) ([]banderwagon.Element, error) {
	result := make([]banderwagon.Element, len(data)/32)
	for i := range result {
		if err := result[i].SetBytes(data[32*i : 32*i+32]); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func mapped(points []banderwagon.Element) ([]fr.Element, error) {
	result := make([]fr.Element, len(points))
	return result, banderwagon.BatchMapToScalarField(pointers(result), pointers(points))
}

// multiplesOfG0 are scalar(0, k) * G_0, as they come out of the computation.
func multiplesOfG0(s *scenario) []banderwagon.Element {
	result := make([]banderwagon.Element, s.Size)
	for k := range result {
		result[k] = settings().Commit([]fr.Element{scalar(s.Seed, 0, k)})
	}
	return result
}

func prepareCommit(s *scenario) (*prepared, error) {
	if s.Size < 1 || s.Size > width {
		return nil, errors.New("a vector has 1 to 256 scalars")
	}
	vector := scalars(s.Seed, 0, s.Size)
	conf := settings()
	var result banderwagon.Element
	return &prepared{
		run:    func() error { result = conf.Commit(vector); return nil },
		output: func() ([]byte, error) { return encoded([]banderwagon.Element{result}), nil },
		units:  1,
	}, nil
}

func prepareUpdate(s *scenario) (*prepared, error) {
	old := multiplesOfG0(s)
	deltas := scalars(s.Seed, 1, s.Size)
	indices := make([]int, s.Size)
	for k := range indices {
		indices[k] = choice(s.Seed, 2, k, width)
	}
	conf := settings()
	result := make([]banderwagon.Element, s.Size)
	vector := make([]fr.Element, width)
	return &prepared{
		run: func() error {
			for k, index := range indices {
				vector[index] = deltas[k]
				change := conf.Commit(vector[:index+1])
				result[k].Add(&old[k], &change)
				vector[index].SetZero()
			}
			return nil
		},
		output: func() ([]byte, error) { return encoded(result), nil },
		units:  s.Size,
	}, nil
}

func prepareMap(s *scenario) (*prepared, error) {
	points := multiplesOfG0(s)
	var result []fr.Element
	return &prepared{
		run: func() (err error) {
			result, err = mapped(points)
			return err
		},
		output: func() ([]byte, error) { return littleEndian(result), nil },
		units:  s.Size,
	}, nil
}

func prepareEncode(s *scenario) (*prepared, error) {
	points := multiplesOfG0(s)
	var result []byte
	return &prepared{
		run:    func() error { result = encoded(points); return nil },
		output: func() ([]byte, error) { return result, nil },
		units:  s.Size,
	}, nil
}

func prepareDecode(s *scenario) (*prepared, error) {
	data := encoded(multiplesOfG0(s))
	var points []banderwagon.Element
	return &prepared{
		run: func() (err error) {
			points, err = decoded(data)
			return err
		},
		output: func() ([]byte, error) {
			result, err := mapped(points)
			return littleEndian(result), err
		},
		units: s.Size,
	}, nil
}

func prepareTreeKey(s *scenario) (*prepared, error) {
	addresses, indices := make([][32]byte, s.Size), make([][32]byte, s.Size)
	for k := range addresses {
		addresses[k], indices[k] = word(s.Seed, 0, k), word(s.Seed, 1, k)
	}
	conf := settings()
	var result []fr.Element
	return &prepared{
		run: func() (err error) {
			points := make([]banderwagon.Element, s.Size)
			var vector [5]fr.Element
			vector[0].SetUint64(2 + 256*64)
			for k := range points {
				for i, data := range [4][]byte{
					addresses[k][:16], addresses[k][16:], indices[k][:16], indices[k][16:],
				} {
					var piece [16]byte // SetBytesLE reverses what it is given
					copy(piece[:], data)
					vector[1+i].SetBytesLE(piece[:])
				}
				points[k] = conf.Commit(vector[:])
			}
			result, err = mapped(points)
			return err
		},
		output: func() ([]byte, error) {
			keys := littleEndian(result)
			for k := 31; k < len(keys); k += 32 {
				keys[k] = 0
			}
			return keys, nil
		},
		units: s.Size,
	}, nil
}

type ipaStatement struct {
	vector     []fr.Element
	point      fr.Element
	value      fr.Element
	commitment banderwagon.Element
}

func newIPAStatement(s *scenario) (*ipaStatement, error) {
	conf := settings()
	result := &ipaStatement{vector: scalars(s.Seed, 0, width), point: scalar(s.Seed, 1, 0)}
	points, err := decoded(encoded([]banderwagon.Element{conf.Commit(result.vector)}))
	if err != nil {
		return nil, err
	}
	result.commitment = points[0]
	weights := conf.PrecomputedWeights.ComputeBarycentricCoefficients(result.point)
	result.value, err = ipa.InnerProd(result.vector, weights)
	return result, err
}

func (st *ipaStatement) prove() (ipa.IPAProof, error) {
	return ipa.CreateIPAProof(common.NewTranscript(label), settings(), st.commitment, st.vector, st.point)
}

func prepareIPAProve(s *scenario) (*prepared, error) {
	statement, err := newIPAStatement(s)
	if err != nil {
		return nil, err
	}
	var proof ipa.IPAProof
	return &prepared{
		run: func() (err error) {
			proof, err = statement.prove()
			return err
		},
		output: func() ([]byte, error) {
			var out bytes.Buffer
			err := proof.Write(&out)
			return out.Bytes(), err
		},
		units: 1,
	}, nil
}

func prepareIPAVerify(s *scenario) (*prepared, error) {
	statement, err := newIPAStatement(s)
	if err != nil {
		return nil, err
	}
	data := []byte(s.Proof)
	if data == nil {
		proof, err := statement.prove()
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := proof.Write(&out); err != nil {
			return nil, err
		}
		data = out.Bytes()
	}
	conf := settings()
	return &prepared{
		run: func() error {
			var proof ipa.IPAProof
			if err := proof.Read(bytes.NewReader(data)); err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			transcript := common.NewTranscript(label)
			ok, err := ipa.CheckIPAProof(transcript, conf, statement.commitment, proof, statement.point, statement.value)
			return verdict(ok, err)
		},
		output: accepted,
		units:  1,
	}, nil
}

func verdict(ok bool, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", errRejected, err)
	}
	if !ok {
		return errRejected
	}
	return nil
}

func accepted() ([]byte, error) { return []byte{1}, nil }

// openings are one opening of each of s.Size polynomials, which differ from one common polynomial in one value each.
type openings struct {
	commitments []banderwagon.Element
	polynomials [][]fr.Element
	values      []fr.Element
	points      []uint8
}

func newOpenings(s *scenario, proving bool) (*openings, error) {
	if s.Size < 1 {
		return nil, errors.New("a multiproof has openings")
	}
	conf := settings()
	common := scalars(s.Seed, 0, width)
	result := &openings{values: make([]fr.Element, s.Size), points: make([]uint8, s.Size)}
	points := make([]banderwagon.Element, s.Size)
	base := conf.Commit(common)
	change := make([]fr.Element, width)
	for k := range points {
		place := k % width
		change[place] = scalar(s.Seed, 1, k)
		points[k] = conf.Commit(change)
		points[k].Add(&points[k], &base)
		z := choice(s.Seed, 2, k, width)
		result.points[k] = uint8(z)
		result.values[k].Add(&common[z], &change[z])
		if proving {
			polynomial := append([]fr.Element(nil), common...)
			polynomial[place].Add(&polynomial[place], &change[place])
			result.polynomials = append(result.polynomials, polynomial)
		}
		change[place].SetZero()
	}
	var err error
	result.commitments, err = decoded(encoded(points))
	return result, err
}

func (o *openings) prove() ([]byte, error) {
	transcript := common.NewTranscript(label)
	proof, err := multiproof.CreateMultiProof(transcript, settings(), pointers(o.commitments), o.polynomials, o.points)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = proof.Write(&out)
	return out.Bytes(), err
}

func prepareMultiproofProve(s *scenario) (*prepared, error) {
	opened, err := newOpenings(s, true)
	if err != nil {
		return nil, err
	}
	var proof []byte
	return &prepared{
		run: func() (err error) {
			proof, err = opened.prove()
			return err
		},
		output: func() ([]byte, error) { return proof, nil },
		units:  s.Size,
	}, nil
}

func prepareMultiproofVerify(s *scenario) (*prepared, error) {
	opened, err := newOpenings(s, s.Proof == nil)
	if err != nil {
		return nil, err
	}
	data := []byte(s.Proof)
	if data == nil {
		if data, err = opened.prove(); err != nil {
			return nil, err
		}
		opened.polynomials = nil
	}
	conf, commitments, values := settings(), pointers(opened.commitments), pointers(opened.values)
	return &prepared{
		run: func() error {
			var proof multiproof.MultiProof
			if err := proof.Read(bytes.NewReader(data)); err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			transcript := common.NewTranscript(label)
			return verdict(multiproof.CheckMultiProof(transcript, conf, &proof, commitments, values, opened.points))
		},
		output: accepted,
		units:  s.Size,
	}, nil
}
