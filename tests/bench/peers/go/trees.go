package main

import (
	"encoding/json"
	"errors"
	"fmt"

	multiproof "github.com/crate-crypto/go-ipa"
	"github.com/crate-crypto/go-ipa/common"
	"github.com/ethereum/go-verkle"
)

// entry is one leaf.
type entry struct {
	key, value []byte
}

// witness has the JSON form of go-ethereum's ExecutionWitness.
type witness struct {
	StateDiff   verkle.StateDiff    `json:"stateDiff"`
	VerkleProof *verkle.VerkleProof `json:"verkleProof"`
}

func randomKey(seed uint64, k int) []byte {
	key := word(seed, 0, k)
	return key[:]
}

func randomEntries(seed uint64, size int) []entry {
	result := make([]entry, size)
	for k := range result {
		value := word(seed, 1, k)
		result[k] = entry{randomKey(seed, k), value[:]}
	}
	return result
}

func parseEntries(data []byte) ([]entry, error) {
	if len(data)%64 != 0 {
		return nil, errors.New("an entry has 64 bytes")
	}
	var result []entry
	for ; len(data) > 0; data = data[64:] {
		result = append(result, entry{data[:32], data[32:64]})
	}
	return result, nil
}

func parseKeys(data []byte) ([][]byte, error) {
	if len(data)%32 != 0 {
		return nil, errors.New("a key has 32 bytes")
	}
	var result [][]byte
	for ; len(data) > 0; data = data[32:] {
		result = append(result, data[:32])
	}
	return result, nil
}

func insert(root verkle.VerkleNode, entries []entry) error {
	for _, one := range entries {
		if err := root.Insert(one.key, one.value, nil); err != nil {
			return err
		}
	}
	return nil
}

func grow(entries []entry) (*verkle.InternalNode, error) {
	root := verkle.New().(*verkle.InternalNode)
	if err := insert(root, entries); err != nil {
		return nil, err
	}
	root.Commit()
	return root, nil
}

func rootBytes(root verkle.VerkleNode) []byte {
	bytes := root.Commitment().Bytes()
	return bytes[:]
}

// entriesOf are those of the request, else random ones.
func entriesOf(s *scenario) ([]entry, error) {
	if s.Entries != nil {
		return parseEntries(s.Entries)
	}
	return randomEntries(s.Seed, s.Size), nil
}

// kept is the last random tree: the cases of one tree share it.
var kept struct {
	seed uint64
	size int
	root *verkle.InternalNode
}

func treeOf(s *scenario) (*verkle.InternalNode, error) {
	if s.Entries == nil && kept.root != nil && kept.seed == s.Seed && kept.size == s.Size {
		return kept.root, nil
	}
	entries, err := entriesOf(s)
	if err != nil {
		return nil, err
	}
	if s.Entries == nil {
		kept.root = nil
	}
	root, err := grow(entries)
	if err == nil && s.Entries == nil {
		kept.seed, kept.size, kept.root = s.Seed, s.Size, root
	}
	return root, err
}

// queriesOf are the keys of the request, else every (size / count)-th random one.
func queriesOf(s *scenario) ([][]byte, error) {
	if s.Queries != nil {
		return parseKeys(s.Queries)
	}
	if s.Count < 1 || s.Count > s.Size {
		return nil, errors.New("count must be in 1..size")
	}
	result := make([][]byte, s.Count)
	for j := range result {
		result[j] = randomKey(s.Seed, j*(s.Size/s.Count))
	}
	return result, nil
}

func prepareTreeBuild(s *scenario) (*prepared, error) {
	_ = verkle.GetConfig()
	entries, err := entriesOf(s)
	if err != nil {
		return nil, err
	}
	var result []byte
	return &prepared{
		run: func() error {
			root, err := grow(entries)
			if err == nil {
				result = rootBytes(root)
			}
			return err
		},
		output: func() ([]byte, error) { return result, nil },
		units:  len(entries),
	}, nil
}

func prepareTreeUpdate(s *scenario) (*prepared, error) {
	if s.Count < 1 || s.Size < 1 {
		return nil, errors.New("size and count must be at least 1")
	}
	root, err := treeOf(s)
	if err != nil {
		return nil, err
	}
	kept.root = nil // it changes from here on
	var result []byte
	written := 0
	batch := make([]entry, s.Count)
	return &prepared{
		before: func() {
			for j := range batch {
				value := word(s.Seed, 3, written+j)
				batch[j] = entry{randomKey(s.Seed, choice(s.Seed, 2, written+j, s.Size)), value[:]}
			}
			written += s.Count
		},
		run: func() error {
			if err := insert(root, batch); err != nil {
				return err
			}
			root.Commit()
			result = rootBytes(root)
			return nil
		},
		output:  func() ([]byte, error) { return result, nil },
		units:   s.Count,
		chained: true,
	}, nil
}

func prove(pre, post verkle.VerkleNode, queries [][]byte) (*witness, error) {
	keys := append([][]byte(nil), queries...) // they are sorted in place
	proof, _, _, _, err := verkle.MakeVerkleMultiProof(pre, post, keys, nil)
	if err != nil {
		return nil, err
	}
	serialized, diff, err := verkle.SerializeProof(proof)
	return &witness{diff, serialized}, err
}

func prepareTreeProve(s *scenario) (*prepared, error) {
	root, err := treeOf(s)
	if err != nil {
		return nil, err
	}
	queries, err := queriesOf(s)
	if err != nil {
		return nil, err
	}
	var post verkle.VerkleNode
	if s.Writes != nil {
		writes, err := parseEntries(s.Writes)
		if err != nil {
			return nil, err
		}
		post = root.Copy()
		if err := insert(post, writes); err != nil {
			return nil, err
		}
		post.Commit()
	}
	var result *witness
	return &prepared{
		run: func() (err error) {
			result, err = prove(root, post, queries)
			return err
		},
		output: func() ([]byte, error) { return json.Marshal(result) },
		units:  len(queries),
	}, nil
}

// witnessOf is the one of the request with its root, else one made here.
func witnessOf(s *scenario) (*witness, []byte, error) {
	if s.Witness != nil {
		var given witness
		err := json.Unmarshal(s.Witness, &given)
		return &given, s.Root, err
	}
	root, err := treeOf(s)
	if err != nil {
		return nil, nil, err
	}
	queries, err := queriesOf(s)
	if err != nil {
		return nil, nil, err
	}
	made, err := prove(root, nil, queries)
	return made, rootBytes(root), err
}

// prepareTreeVerify checks the proof of the pre-state, without the post-state that verkle.Verify also makes.
func prepareTreeVerify(s *scenario) (*prepared, error) {
	given, root, err := witnessOf(s)
	if err != nil {
		return nil, err
	}
	conf := settings()
	return &prepared{
		run: func() error {
			var top verkle.Point
			if err := top.SetBytes(root); err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			proof, err := verkle.DeserializeProof(given.VerkleProof, given.StateDiff)
			if err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			tree, err := verkle.PreStateTreeFromProof(proof, &top)
			if err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			items, _, _, err := verkle.GetCommitmentsForMultiproof(tree, proof.Keys, nil)
			if err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			transcript := common.NewTranscript("vt")
			return verdict(multiproof.CheckMultiProof(transcript, conf, proof.Multipoint, items.Cis, items.Yis, items.Zis))
		},
		output: accepted,
		units:  len(given.StateDiff),
	}, nil
}

// prepareTreeAccept is verkle.Verify with the root after the witness's new values, which is output.
func prepareTreeAccept(s *scenario) (*prepared, error) {
	if s.Witness == nil {
		return nil, errors.New("a witness is needed")
	}
	given, root, err := witnessOf(s)
	if err != nil {
		return nil, err
	}
	var result []byte
	return &prepared{
		run: func() error {
			var top verkle.Point
			if err := top.SetBytes(root); err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			proof, err := verkle.DeserializeProof(given.VerkleProof, given.StateDiff)
			if err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			pre, err := verkle.PreStateTreeFromProof(proof, &top)
			if err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			post, err := verkle.PostStateTreeFromStateDiff(pre, given.StateDiff)
			if err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			result = rootBytes(post)
			if err := verkle.Verify(given.VerkleProof, root, result, given.StateDiff); err != nil {
				return fmt.Errorf("%w: %w", errRejected, err)
			}
			return nil
		},
		output: func() ([]byte, error) { return result, nil },
		units:  len(given.StateDiff),
	}, nil
}
