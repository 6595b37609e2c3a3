package scripttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// The schemas are files of modules that scripts/schemas/go.mod pins: their texts are
// not ours to have here.
const (
	sarifModule, sarifSchema = "github.com/securego/gosec/v2", "report/sarif/testdata/sarif-schema-2.1.0.json"
	junitModule, junitSchema = "github.com/yannh/kubeconform", "fixtures/junit.xsd"
)

// moduleDirs has the go command fetch modules, or find them in its cache.
func moduleDirs(root string, modules ...string) (map[string]string, error) {
	out, err := goCommand(root, append([]string{"mod", "download", "-json"}, modules...)...)
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Dir, Error string }
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return dirs, nil
		} else if err != nil || m.Error != "" {
			return nil, errors.Join(err, errors.New(m.Error))
		}
		dirs[m.Path] = m.Dir
	}
}

// goCommand runs the go command in scripts/schemas.
func goCommand(root string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = filepath.Join(root, "scripts", "schemas")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return out, nil
}

// Valid holds reports against the published schema of their format: SARIF 2.1.0 of
// OASIS, or Jenkins' JUnit XML for a name that ends in .xml.
func Valid(files ...string) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	dirs, err := moduleDirs(root, sarifModule, junitModule)
	if err != nil {
		return err
	}
	var documents []string
	for _, file := range files {
		if filepath.Ext(file) != ".xml" {
			documents = append(documents, file)
			continue
		}
		if err := validJUnit(filepath.Join(dirs[junitModule], junitSchema), file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if len(documents) > 0 {
		_, err = goCommand(root, append([]string{"run", ".", filepath.Join(dirs[sarifModule], sarifSchema)}, documents...)...)
	}
	return err
}

func validJUnit(schema, file string) error {
	text, err := os.ReadFile(schema)
	if err != nil {
		return err
	}
	s, err := parseXSD(text)
	if err != nil {
		return err
	}
	document, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return s.validate(document)
}

// valid FILE...: reports that their schemas accept.
func valid(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "valid FILE...")
	files := make([]string, len(args))
	for i, a := range args {
		files[i] = ts.MkAbs(a)
	}
	ts.Check(Valid(files...))
}
