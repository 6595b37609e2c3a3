// Command schemas holds JSON documents against a JSON Schema:
//
//	schemas SCHEMA DOCUMENT...
//
// It prints what is wrong with each and exits with 1 when anything is.
package main

import (
	"fmt"
	"os"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: schemas SCHEMA DOCUMENT...")
		os.Exit(2)
	}
	failed := false
	for _, document := range os.Args[2:] {
		if err := check(os.Args[1], document); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", document, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// check asserts formats as well, which a draft leaves to the validator.
func check(schema, document string) error {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(schema)
	if err != nil {
		return err
	}
	f, err := os.Open(document)
	if err != nil {
		return err
	}
	defer f.Close()
	v, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		return err
	}
	return s.Validate(v)
}
