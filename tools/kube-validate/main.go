// Command kube-validate says what the Kubernetes API server would refuse of an object, without a server: it runs the
// API server's own packages for decoding, defaulting and validation on what it reads.
//
// Each line of stdin is a JSON object, either {"crd": …}, a CustomResourceDefinition whose objects may follow, or
// {"object": …}. Each object is answered by a line on stdout, in the order of the objects:
//
//	{"known": true, "problems": [{"field": "spec.replicas", "message": "…"}]}
//
// known is false for a kind that neither Kubernetes nor a definition read before it has; nothing is said of that object.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// version is that of Kubernetes; the linker sets it.
var version = "v0.0.0-dev"

// line is what is read.
type line struct {
	CRD    json.RawMessage `json:"crd"`
	Object json.RawMessage `json:"object"`
}

// verdict is what is answered.
type verdict struct {
	Known    bool      `json:"known"`
	Problems []problem `json:"problems"`
}

// problem is one thing that the API server would refuse.
type problem struct {
	// Field is its path as the API server writes it, empty where it names none.
	Field   string `json:"field"`
	Message string `json:"message"`
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("kube-validate", version)
		return
	}
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "kube-validate takes no arguments but --version: objects come on stdin, one a line")
		os.Exit(2)
	}
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kube-validate:", err)
		os.Exit(2)
	}
}

// answer reads all lines. A line that is not as it should be ends it: what is not understood is not valid.
func answer(input io.Reader, output io.Writer) error {
	custom := customKinds{}
	reader := json.NewDecoder(bufio.NewReaderSize(input, 1<<20))
	buffered := bufio.NewWriter(output)
	defer buffered.Flush()
	writer := json.NewEncoder(buffered)
	writer.SetEscapeHTML(false)
	for number := 1; ; number++ {
		var read line
		if err := reader.Decode(&read); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
		switch {
		case read.CRD != nil:
			if err := custom.add(read.CRD); err != nil {
				return fmt.Errorf("document %d: %w", number, err)
			}
		case read.Object != nil:
			said, err := validate(read.Object, custom)
			if err != nil {
				return fmt.Errorf("document %d: %w", number, err)
			}
			if err := writer.Encode(said); err != nil {
				return err
			}
		default:
			return fmt.Errorf("document %d has neither crd nor object", number)
		}
	}
}
