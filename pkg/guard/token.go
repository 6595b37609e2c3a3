package guard

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"math"
	"regexp"
	"strings"
)

// A form is a kind of token that nothing else looks like.
type form struct {
	name    string
	anchors []string       // one of them is in every such token: looked for first, it is quick
	re      *regexp.Regexp // group 1, or else the whole, is the part that must not be a placeholder
	ok      func(m [][]byte) bool
	entropy float64 // of group 1 in bits a character, at least
	inside  bool    // an anchor stands inside the token, not at its beginning
	reach   int     // how far behind an anchor a token is looked for, 256 by default
	needs   string  // a text without it in reach has none
}

// forms are all kinds. A word before a token must not run into it.
func forms() []form {
	return []form{
		{name: "an API key of the form sk-…", anchors: []string{"sk-"}, re: word(`sk-((?:[A-Za-z0-9]+[-_])*[A-Za-z0-9_-]{20,})`), ok: mixed, entropy: 3.2},
		{name: "a Stripe key", anchors: []string{"k_live_"}, inside: true, re: word(`[sr]k_live_([0-9A-Za-z]{20,})`), entropy: 3},
		{name: "a GitHub token", anchors: []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}, re: word(`gh[pousr]_([0-9A-Za-z]{36,})`), entropy: 3},
		{name: "a GitHub token", anchors: []string{"github_pat_"}, re: word(`github_pat_([0-9A-Za-z_]{36,})`), entropy: 3},
		{name: "a GitLab token", anchors: []string{"glpat-"}, re: word(`glpat-([0-9A-Za-z_-]{20,})`), entropy: 3},
		{name: "an AWS access key", anchors: []string{"AKIA", "ASIA"}, re: word(`A[KS]IA([0-9A-Z]{16})\b`), entropy: 2.5},
		{name: "a Slack token", anchors: []string{"xox"}, re: word(`xox[abeoprs]-([0-9A-Za-z-]{20,})`), entropy: 2.5},
		{name: "a Slack webhook", anchors: []string{"hooks.slack.com/"}, inside: true, re: regexp.MustCompile(`hooks\.slack\.com/(?:services|workflows)/([0-9A-Za-z/]{30,})`), entropy: 3},
		{name: "a Google API key", anchors: []string{"AIza"}, re: word(`AIza([0-9A-Za-z_-]{35})\b`), entropy: 3.5},
		{name: "a Hugging Face token", anchors: []string{"hf_"}, re: word(`hf_([A-Za-z]{30,})`), entropy: 3.5},
		{name: "an npm token", anchors: []string{"npm_"}, re: word(`npm_([0-9A-Za-z]{36})\b`), entropy: 3.5},
		{name: "a PyPI token", anchors: []string{"pypi-AgE"}, re: word(`pypi-AgE([0-9A-Za-z_-]{50,})`), entropy: 3},
		{name: "a SendGrid key", anchors: []string{"SG."}, re: word(`SG\.([0-9A-Za-z_-]{20,}\.[0-9A-Za-z_-]{39,})`), entropy: 3.5},
		{name: "a Vault token", anchors: []string{"hvs.", "hvb."}, re: word(`hv[sb]\.([0-9A-Za-z_-]{24,})`), entropy: 3},
		{name: "a DigitalOcean token", anchors: []string{"doo_v1_", "dop_v1_", "dor_v1_"}, re: word(`do[opr]_v1_([0-9a-f]{64})\b`), entropy: 3},
		{name: "an Argo CD or other JWT", anchors: []string{"eyJ"}, reach: 4096, needs: ".eyJ", re: word(`(eyJ[0-9A-Za-z_-]{8,})\.(eyJ[0-9A-Za-z_-]{8,})\.([0-9A-Za-z_-]{20,})`), ok: isJWT, entropy: 3},
		{name: "an age secret key", anchors: []string{"AGE-SECRET-KEY-"}, re: word(`AGE-SECRET-KEY-(?:PQ-)?1([02-9AC-HJ-NP-Z]{40,})`), entropy: 3},
		{name: "a private key", anchors: []string{"PRIVATE KEY"}, inside: true, reach: 512, re: regexp.MustCompile(`-----BEGIN (?:RSA |EC |DSA |OPENSSH |PGP )?PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[\s"',>+|-])*(?:(?:Version|Comment|Proc-Type|DEK-Info)[^\n]*\s+)*([0-9A-Za-z+/=]{32,})`), entropy: 3},
		{name: "a private key in base64", anchors: []string{"LS0tLS1CRUdJTi"}, re: word(`(LS0tLS1CRUdJTi[0-9A-Za-z+/]{30,})`), ok: isKey, entropy: 3},
		{name: "a password in a URL", anchors: []string{"://"}, inside: true, needs: "@", re: regexp.MustCompile(`(?i)\b(?:postgres(?:ql)?(?:\+[a-z0-9]+)?|mysql(?:\+[a-z0-9]+)?|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|https?|ftps?|smtps?|ldaps?|nats|clickhouse|mssql|sqlserver)://([^\s:/@"'<>{}$\x60\\?#|]*):([^\s:/@"'<>\x60\\?#|]+)@[^\s"'<>]`), ok: isPassword},
	}
}

func word(re string) *regexp.Regexp { return regexp.MustCompile(`(?:^|[^0-9A-Za-z_-])` + re) }

// mixed asks for a part without dashes that is long, with letters and digits: words
// with dashes between them are names.
func mixed(m [][]byte) bool {
	for _, part := range bytes.FieldsFunc(m[1], func(r rune) bool { return r == '-' || r == '_' }) {
		if len(part) >= 16 && bytes.ContainsAny(part, "0123456789") && bytes.ContainsFunc(part, func(r rune) bool { return r > '9' }) {
			return true
		}
	}
	return bytes.IndexByte(m[1], '-') < 0 && len(m[1]) >= 32
}

// isJWT holds the header against what a signed token has there.
func isJWT(m [][]byte) bool {
	raw, err := base64.RawURLEncoding.DecodeString(string(m[1]))
	var header struct {
		Alg string `json:"alg"`
	}
	if err != nil || json.Unmarshal(raw, &header) != nil || header.Alg == "" || strings.EqualFold(header.Alg, "none") {
		return false
	}
	body, err := base64.RawURLEncoding.DecodeString(string(m[2]))
	return err == nil && !bytes.Contains(body, []byte("John Doe")) // of jwt.io
}

func isKey(m [][]byte) bool {
	text := m[1][:len(m[1])/4*4]
	raw, err := base64.StdEncoding.DecodeString(string(text))
	return err == nil && bytes.Contains(raw, []byte("PRIVATE KEY-----")) && !bytes.Contains(raw, []byte("ENCRYPTED"))
}

// isPassword passes over what documentation puts in a password's place.
func isPassword(m [][]byte) bool {
	user, password := string(m[1]), string(m[2])
	low := strings.ToLower(password)
	switch {
	case len(password) < 4, low == strings.ToLower(user), strings.ContainsAny(password, "$%{}[]()*&\ue000"):
		return strings.Contains(password, "%") && percent.MatchString(password) && low != strings.ToLower(user)
	case strings.Trim(low, "x*.") == "":
		return false
	}
	for _, w := range []string{"password", "passwd", "passw0rd", "secret", "token", "pass", "pwd", "user", "username", "guest", "postgres", "root", "admin", "test", "some_password", "somepassword", "mypassword", "my-password", "yourpassword", "dbpassword", "db_password"} {
		if low == w {
			return false
		}
	}
	return true
}

// percent is a password with percent-encoding, as opposed to a format string.
var percent = regexp.MustCompile(`^(?:[^%]|%[0-9A-Fa-f]{2})+$`)

// standIn are words that a real token does not have.
var standIn = regexp.MustCompile(`(?i)example|change[-_]?me|placeholder|your[-_]|[-_]?redacted|x{5,}|\*{3,}|\.\.\.|0{8,}|12345678|abcdefgh|dummy|replace|foobar|fake|notreal|sample|testtest`)

// tokens finds every token in a text, at most one a line and form.
func tokens(list []form, text []byte) (hits []hit) {
	for i := range list {
		f := &list[i]
		for _, anchor := range f.anchors {
			hits = append(hits, f.find(text, []byte(anchor))...)
		}
	}
	return hits
}

// before is how much of a text before an anchor belongs to the token.
const before = 48

func (f *form) find(text, anchor []byte) (hits []hit) {
	counted, line, last := 0, 1, 0
	for pos := 0; ; {
		i := bytes.Index(text[pos:], anchor)
		if i < 0 {
			return hits
		}
		at := pos + i
		pos = at + len(anchor)
		end := f.matches(text, at)
		if end == 0 {
			continue
		}
		pos = max(pos, end)
		line += bytes.Count(text[counted:at], []byte("\n"))
		counted = at
		if line != last {
			hits = append(hits, hit{rule: RuleToken, line: line, end: line, message: f.name + " stands here"})
			last = line
		}
	}
}

// matches is where the token with an anchor at a place ends; 0 when there is none.
func (f *form) matches(text []byte, at int) int {
	from := max(0, at-1)
	if f.inside {
		from = max(0, at-before)
	} else if from < at && wordByte(text[from]) {
		return 0
	}
	window := text[from:min(len(text), at+cmp.Or(f.reach, 256))]
	if f.needs != "" && !bytes.Contains(window, []byte(f.needs)) {
		return 0
	}
	for start := 0; ; {
		m := f.re.FindSubmatchIndex(window[start:])
		if m == nil || from+start+m[0] > at {
			return 0
		}
		if from+start+m[1] > at { // not one that ends before the anchor
			if !f.real(window[start:], m) {
				return 0
			}
			return from + start + m[1]
		}
		start += m[1]
	}
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-'
}

// real reports whether a match is no placeholder.
func (f *form) real(window []byte, m []int) bool {
	groups := make([][]byte, len(m)/2)
	for k := range groups {
		if m[2*k] >= 0 {
			groups[k] = window[m[2*k]:m[2*k+1]]
		}
	}
	if f.ok != nil && !f.ok(groups) {
		return false
	}
	secret := groups[len(groups)-1]
	return !standIn.Match(secret) && (f.entropy == 0 || entropy(secret) >= f.entropy)
}

// entropy is how many bits a character tells, by how often each occurs.
func entropy(text []byte) float64 {
	var count [256]int
	for _, c := range text {
		count[c]++
	}
	sum := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(text))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}
