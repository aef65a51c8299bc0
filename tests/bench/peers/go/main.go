// A peer of the benchmarks: go-ipa and go-verkle behind lines of JSON (see ../README.md).
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"sort"
	"time"
)

// bytesHex is a byte string that JSON writes as hexadecimal digits.
type bytesHex []byte

func (b bytesHex) MarshalText() ([]byte, error) {
	return []byte(hex.EncodeToString(b)), nil
}

func (b *bytesHex) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	*b = decoded
	return err
}

// scenario says what is run; requests with equal scenarios share one preparation.
type scenario struct {
	Case    string   `json:"case"`
	Seed    uint64   `json:"seed"`
	Size    int      `json:"size"`
	Count   int      `json:"count"`
	Entries bytesHex `json:"entries"`
	Queries bytesHex `json:"queries"`
	Writes  bytesHex `json:"writes"`
	Proof   bytesHex `json:"proof"`
	Witness bytesHex `json:"witness"`
	Root    bytesHex `json:"root"`
}

type request struct {
	scenario
	Repeat int  `json:"repeat"`
	Output bool `json:"output"`
}

type response struct {
	Case      string    `json:"case"`
	Seconds   []float64 `json:"seconds"`
	Output    *bytesHex `json:"output"`
	UnitCount int       `json:"unit_count"`
	Error     string    `json:"error,omitempty"`
}

// prepared is a scenario with its inputs made: run is what is timed, output the bytes of the last run.
type prepared struct {
	// before, where there is one, readies each run, untimed.
	before func()
	run    func() error
	output func() ([]byte, error)
	units  int
	// chained: each run goes on from where the last one ended.
	chained bool
}

var makers = map[string]func(*scenario) (*prepared, error){
	"commit":            prepareCommit,
	"update":            prepareUpdate,
	"map-to-field":      prepareMap,
	"encode":            prepareEncode,
	"decode":            prepareDecode,
	"tree-key":          prepareTreeKey,
	"ipa-prove":         prepareIPAProve,
	"ipa-verify":        prepareIPAVerify,
	"multiproof-prove":  prepareMultiproofProve,
	"multiproof-verify": prepareMultiproofVerify,
	"tree-build":        prepareTreeBuild,
	"tree-update":       prepareTreeUpdate,
	"tree-prove":        prepareTreeProve,
	"tree-verify":       prepareTreeVerify,
	"tree-accept":       prepareTreeAccept,
}

type hello struct {
	Peer    string            `json:"peer"`
	Cases   []string          `json:"cases"`
	Library map[string]string `json:"libraries"`
	Threads int               `json:"threads"`
}

func greeting() hello {
	libraries := map[string]string{"go": runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			switch module.Path {
			case "github.com/crate-crypto/go-ipa", "github.com/ethereum/go-verkle", "github.com/consensys/gnark-crypto":
				libraries[module.Path] = module.Version
			}
		}
	}
	names := make([]string, 0, len(makers))
	for name := range makers {
		names = append(names, name)
	}
	sort.Strings(names)
	return hello{"go", names, libraries, runtime.GOMAXPROCS(0)}
}

// server keeps the last preparation.
type server struct {
	scenario scenario
	last     *prepared
}

func (s *server) prepare(req *request) (*prepared, error) {
	if s.last != nil && reflect.DeepEqual(req.scenario, s.scenario) && !(s.last.chained && req.Output) {
		return s.last, nil
	}
	s.last = nil
	maker, ok := makers[req.Case]
	if !ok {
		return nil, errors.New("unsupported")
	}
	made, err := maker(&req.scenario)
	if err != nil {
		return nil, err
	}
	// What the preparation left behind is not charged to the runs.
	runtime.GC()
	s.scenario, s.last = req.scenario, made
	return made, nil
}

func (s *server) answer(line []byte) (resp response) {
	var req request
	defer func() {
		if reason := recover(); reason != nil {
			s.last = nil
			resp = response{Case: req.Case, Error: fmt.Sprintf("panic: %v", reason)}
		}
	}()
	failed := func(err error) response { return response{Case: req.Case, Error: err.Error()} }
	if err := json.Unmarshal(line, &req); err != nil {
		return failed(err)
	}
	ready, err := s.prepare(&req)
	if err != nil {
		return failed(err)
	}
	resp = response{Case: req.Case, Seconds: []float64{}, UnitCount: ready.units}
	for i := 0; i < max(req.Repeat, 1); i++ {
		if ready.before != nil {
			ready.before()
		}
		began := time.Now()
		err := ready.run()
		spent := time.Since(began)
		if err != nil {
			return failed(err)
		}
		resp.Seconds = append(resp.Seconds, spent.Seconds())
	}
	if req.Output {
		output, err := ready.output()
		if err != nil {
			return failed(err)
		}
		resp.Output = (*bytesHex)(&output)
	}
	return resp
}

func serve(in io.Reader, out io.Writer) error {
	reader, writer := bufio.NewReaderSize(in, 1<<20), json.NewEncoder(out)
	if err := writer.Encode(greeting()); err != nil {
		return err
	}
	var s server
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := writer.Encode(s.answer(line)); err != nil {
			return err
		}
	}
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "go peer:", err)
		os.Exit(1)
	}
}
