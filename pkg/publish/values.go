package publish

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
)

// values are the plaintext values on this machine: none of them may stand in
// what is published, in a comment, an annotation or a template.
type values []value

type value struct {
	text   []byte
	base64 []byte
	object string // the Secret
	key    string
}

// minValue is how long a value must be to be looked for: shorter ones stand in
// ordinary words.
const minValue = 8

// values reads what the applications have in plaintext. A file that cannot be
// read has been told of by sealing, which publishing does not need.
func (p *planner) values(ctx context.Context) values {
	var out values
	for _, app := range p.apps {
		secrets, _ := p.repo.Secrets(ctx, app)
		for i := range secrets {
			for _, it := range secrets[i].Items {
				if v := bytes.TrimSpace(it.Value); len(v) >= minValue {
					encoded := bytes.TrimRight([]byte(base64.StdEncoding.EncodeToString(v)), "=")
					out = append(out, value{v, encoded, secrets[i].Object(), it.Key})
				}
			}
		}
	}
	return out
}

// in finds a value in a file, as it is or in base64; what names the file's objects
// is no secret.
func (list values) in(c *candidate) error {
	public := publicWords(c)
	for _, v := range list {
		if strings.Contains(public, string(v.text)) {
			continue
		}
		at := bytes.Index(c.data, v.text)
		if at < 0 {
			at = bytes.Index(c.data, v.base64)
		}
		if at >= 0 {
			return &manifest.Error{Path: c.path, Line: 1 + bytes.Count(c.data[:at], []byte("\n")),
				Problem: fmt.Sprintf("the value of key %q of %s stands here in plaintext", v.key, v.object),
				Fix:     "take it out (a comment, an annotation, a template?); if it was ever committed, change it"}
		}
	}
	return nil
}

// publicWords are the names and labels of a file's objects, one a line: a user
// name is often the application's name.
func publicWords(c *candidate) string {
	words := []string{c.path}
	for i := range c.objects {
		o := &c.objects[i]
		words = append(words, o.Namespace, o.Name, o.Template.Name, o.Template.Namespace, o.Template.Type)
		words = append(words, o.Template.Data...)
		for _, it := range o.Items {
			words = append(words, it.Key)
		}
		for _, labels := range []map[string]string{o.Labels, o.Template.Labels} {
			for k, v := range labels {
				words = append(words, k, v)
			}
		}
	}
	return strings.Join(words, "\n")
}
