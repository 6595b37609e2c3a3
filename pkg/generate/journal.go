package generate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// journal is the content of Options.Journal: names, and no value.
type journal struct {
	Keys []string `json:"keys"` // application/secret/key
}

// ReadJournal tells what a run that was killed while it wrote several files had in
// hand; nothing when there was none. Each file is whole, and a computed key may be
// of another run than its source: Options.Unfinished brings them together again.
// Random values are all right as they are, old or new. The journal goes away with
// the next Apply that is given its path.
func ReadJournal(path string) ([]repo.Ref, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var j journal
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	var out []repo.Ref
	for _, k := range j.Keys {
		if parts := strings.Split(k, "/"); len(parts) == 3 {
			out = append(out, repo.Ref{Application: parts[0], Secret: parts[1], Key: parts[2]})
		}
	}
	return out, nil
}

// note writes the journal when a run that is killed could leave files that do not
// agree: one file is replaced at once, several are not.
func (p *Plan) note(ctx context.Context, files int) error {
	if p.opts.Journal == "" || files < 2 {
		return nil
	}
	var j journal
	for _, ref := range append(p.Changed(), p.opts.Unfinished...) {
		j.Keys = append(j.Keys, ref.String())
	}
	data, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return manifest.WriteFiles(ctx, []manifest.File{{Path: p.opts.Journal, Data: data, Mode: fileMode, Durable: true}})
}

// done removes the journal.
func (p *Plan) done() error {
	if p.opts.Journal == "" {
		return nil
	}
	if err := os.Remove(p.opts.Journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}
