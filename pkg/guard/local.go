package guard

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// maxPlaintext is the size in bytes of the largest plaintext file that is read.
const maxPlaintext = 4 << 20 // 4 MiB

// LocalValues are the secret values that the applications of a repository have in
// plaintext on this machine, in this work tree and in the repository's others: a linked
// one has no plaintext of its own, and commits to the same branches. Those that are no
// secret are left out: what a contract gives as a fixed value, user names, addresses,
// names of the applications, and whatever has fewer than eight characters, for that
// stands in ordinary words. What cannot be read is a warning.
func LocalValues(ctx context.Context, r *repo.Repository) (values []Value, warnings []string, err error) {
	l := local{public: map[string]bool{}, have: map[string]bool{}}
	own, err := l.applications(r)
	if err != nil {
		return nil, nil, err
	}
	trees := []workTree{{r, own}}
	for _, other := range l.others(ctx, r) {
		apps, err := l.applications(other)
		if err != nil {
			l.warnings = append(l.warnings, fmt.Sprintf("work tree %s: its values are not looked for: %v", other.Tree.Root, err))
			continue
		}
		trees = append(trees, workTree{other, apps})
	}
	for _, t := range trees {
		l.repo, l.elsewhere = t.repo, t.repo != r
		for _, a := range t.apps {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			l.application(a)
		}
	}
	return l.values, l.warnings, nil
}

type workTree struct {
	repo *repo.Repository
	apps []repo.Application
}

// applications are those of a work tree; their names are no secret in any.
func (l *local) applications(r *repo.Repository) ([]repo.Application, error) {
	apps, err := r.Applications()
	var none *repo.MissingError
	if errors.As(err, &none) {
		return nil, nil
	}
	for _, a := range apps {
		l.public[a.Name], l.public[a.Namespace] = true, true
	}
	return apps, err
}

// others are the repository's other work trees. None of them is needed: what is wrong
// with one is a warning.
func (l *local) others(ctx context.Context, r *repo.Repository) (others []*repo.Repository) {
	roots, err := r.Tree.OtherWorkTrees(ctx)
	if err != nil {
		l.warnings = append(l.warnings, fmt.Sprintf("the values of other work trees are not looked for: %v", err))
	}
	for _, root := range roots {
		tree, err := git.Open(ctx, root)
		if errors.Is(err, git.ErrNoRepository) || err == nil && tree.CommonDir != r.Tree.CommonDir { // another took its place
			continue
		}
		var other *repo.Repository
		if err == nil {
			other, err = r.In(tree)
		}
		if err != nil {
			l.warnings = append(l.warnings, fmt.Sprintf("work tree %s: its values are not looked for: %v", root, err))
			continue
		}
		others = append(others, other)
	}
	return others
}

type local struct {
	repo      *repo.Repository
	elsewhere bool // in another work tree
	contract  *repo.Contract
	public    map[string]bool // words that are no secret
	have      map[string]bool
	values    []Value
	warnings  []string
}

func (l *local) application(a repo.Application) {
	if _, err := os.Lstat(a.Plaintext); err != nil {
		return
	}
	var err error
	if l.contract, err = l.repo.LoadContract(a); err != nil {
		l.contract = nil // seal:check tells of it; without it some public values count as secret
	}
	err = filepath.WalkDir(a.Plaintext, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		l.file(path)
		return nil
	})
	if err != nil {
		l.warn(a.Plaintext, "cannot be read")
	}
}

func (l *local) warn(path, problem string) {
	if !l.elsewhere {
		path = l.repo.Rel(path)
	}
	l.warnings = append(l.warnings, fmt.Sprintf("%s: %s: its values are not looked for", filepath.ToSlash(path), problem))
}

func (l *local) file(path string) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	if info.Size() > maxPlaintext {
		l.warn(path, "larger than 4 MiB")
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		l.warn(path, "cannot be read")
		return
	}
	text, ok := decode(data)
	if !ok {
		l.add(data, "file "+l.repo.Rel(path), "")
		return
	}
	if !manifests.MatchString(path) {
		l.lines(text, "file "+l.repo.Rel(path))
		return
	}
	docs, rest := documents(text)
	for _, d := range docs {
		l.document(unwrap(d.root))
	}
	if len(rest) > 0 {
		l.warn(path, "not valid YAML")
	}
}

// lines reads a file that is no manifest: one value, or KEY=VALUE in each line.
func (l *local) lines(text []byte, object string) {
	trimmed := bytes.TrimSpace(text)
	if bytes.IndexByte(trimmed, '\n') < 0 && !dotenv.Match(trimmed) {
		l.add(trimmed, object, "")
		return
	}
	if block, _ := pem.Decode(trimmed); block != nil {
		if strings.Contains(block.Type, "PRIVATE KEY") {
			l.add(trimmed, object, "")
		}
		return
	}
	for line := range bytes.Lines(trimmed) {
		if m := dotenv.FindSubmatch(bytes.TrimSpace(line)); m != nil && !publicKey.Match(m[1]) {
			l.add(bytes.Trim(m[2], `"'`), object, string(m[1]))
		}
	}
}

var dotenv = regexp.MustCompile(`^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)=(.+)$`)

// document takes in the values of a Secret, or of the Secrets of a List.
func (l *local) document(root *yaml.Node) {
	list := pairs(root)
	for _, items := range values(list, "items") {
		for _, item := range items.Content {
			l.document(resolve(item))
		}
	}
	if !hasAny(texts(list, "kind"), "Secret") {
		return
	}
	w := walker{}
	object := w.name("Secret", list)
	for _, m := range values(list, "metadata") {
		meta := pairs(m)
		l.public[last(meta, "name")], l.public[last(meta, "namespace")] = true, true
	}
	name := object[strings.LastIndexAny(object, "/ ")+1:]
	for _, p := range list {
		if p.key != "data" && p.key != "stringData" {
			continue
		}
		for _, item := range pairs(p.node) {
			if item.node.Kind != yaml.ScalarNode || isNull(item.node) {
				continue
			}
			text := []byte(textOf(item.node))
			if p.key == "data" {
				if raw, err := base64Any(string(text)); err == nil {
					text = raw
				}
			}
			if l.secret(name, item.key, text) {
				l.add(text, object, item.key)
			}
		}
	}
}

// publicKey is a key whose value is no secret, where no contract says otherwise.
var publicKey = regexp.MustCompile(`(?i)^(?:.*[-_.])?(?:user|username|user_?name|login|host|hostname|port|db|dbname|database|email|region|bucket|endpoint|namespace|name|issuer|client_?id|tls\.crt|ca\.crt|cert|crt|certificate|public_?key|pub)$`)

// secret reports whether the value of a key is one.
func (l *local) secret(name, key string, value []byte) bool {
	if l.contract != nil {
		if s := l.contract.Secret(name); s != nil {
			if k := s.Key(key); k != nil {
				return k.Kind != repo.KindValue && k.Kind != repo.KindPublicKey
			}
		}
	}
	if publicKey.MatchString(key) {
		return false
	}
	u, err := url.Parse(string(value)) // an address without credentials
	return err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.RawQuery != "" || len(u.Path) > 16
}

func (l *local) add(value []byte, object, key string) {
	value = bytes.TrimSpace(value)
	text := string(value)
	if len(value) < minSecretLength || l.have[text] || l.public[text] || !telling(text) || manifest.IsPlaceholder(value) {
		return
	}
	l.have[text] = true
	l.values = append(l.values, Value{Text: bytes.Clone(value), Object: object, Key: key})
}
