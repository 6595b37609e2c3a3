package edit_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/edit"
)

func show(values []edit.Value) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(v.Key + "=[" + string(v.Data) + "]")
	}
	return b.String()
}

func TestDotenv(t *testing.T) {
	for _, c := range []struct{ name, reason, text, want string }{
		{"plain", "", "A=b", "A=[b]"},
		{"export", "", "export A=b\n  export\tB = c", "A=[b]B=[c]"},
		{"comments", "a # behind a blank alone", "# x\n\nA=b#c # d\nB=x# y", "A=[b#c]B=[x# y]"},
		{"blanks", "inner ones stay", "A=  b c  \t\n", "A=[b c]"},
		{"single", "nothing is an escape", `A='a "$b" \n # c'`, `A=[a "$b" \n # c]`},
		{"single, several lines", "", "A='x\ny'\nB=c", "A=[x\ny]B=[c]"},
		{"double", "", `A="a\tb\n\"c\"\\ \$d # e" # f`, "A=[a\tb\n\"c\"\\ $d # e]"},
		{"double, several lines", "", "A=\"-----BEGIN\nx\n-----END\"\nB=c", "A=[-----BEGIN\nx\n-----END]B=[c]"},
		{"equals", "the first one counts", "A=b=c==", "A=[b=c==]"},
		{"a lone dollar", "no reader replaces it", "A=a$\nB=$1x\nC=a$$", "A=[a$]B=[$1x]C=[a$$]"},
		{"CRLF and mark", "", "\xef\xbb\xbfA=b\r\nB='c'\r\n", "A=[b]B=[c]"},
		{"dots and dashes", "keys of a Secret", "tls.crt=x\na-b=y", "tls.crt=[x]a-b=[y]"},
		{"URL", "", "URL=postgresql://a:b@c/d?e=f", "URL=[postgresql://a:b@c/d?e=f]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := edit.Dotenv("f", []byte(c.text))
			if err != nil || show(got) != c.want {
				t.Errorf("%s: %v\n%s", c.reason, err, cmp.Diff(c.want, show(got)))
			}
		})
	}
}

func TestDotenvRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"reference", "A=b\nB=canary${C}", `f:2: key "B": $ begins a reference here, which some readers replace and others do not`},
		{"reference in double quotes", `A="canary$B"`, `f:1: key "A": $ begins a reference here, which some readers replace and others do not`},
		{"command", "A=$(canary)", `f:1: key "A": $ begins a reference here, which some readers replace and others do not`},
		{"quote inside", "A=canary's", `f:1: key "A": a quote or a backslash in a value without quotes`},
		{"backslash", `A=canary\n`, `f:1: key "A": a quote or a backslash in a value without quotes`},
		{"backtick", "A=`canary`", `f:1: key "A": a quote or a backslash in a value without quotes`},
		{"open quote", "A=b\nB='canary\nC=d", `f:2: key "B": the quote is not closed`},
		{"behind a quote", `A='canary'x`, `f:1: key "A": something stands behind the closing quote`},
		{"hash right behind a quote", `A='canary'#x`, `f:1: key "A": something stands behind the closing quote`},
		{"escape", `A="canary\x"`, `f:1: key "A": the escape \ with a character that is none of n, r, t, ", \, $ in column 8 of the value`},
		{"no assignment", "A=b\ncanary", `f:2: this is neither KEY=value nor a comment`},
		{"key", "a/canary=b", `f:1: what stands before the = is no key of a Secret`},
		{"twice", "A=canary\nA=canary2", `f:2: key "A": stands there twice`},
		{"empty", "A=\nB=''", "f:1: key \"A\": the value is empty\nf:2: key \"B\": the value is empty"},
		{"nothing", "# canary\n", `f: there is no value in it`},
		{"lines behind several lines", "A='x\ny'\nB=canary\\", `f:3: key "B": a quote or a backslash in a value without quotes`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := edit.Dotenv("f", []byte(c.text))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestLiterals(t *testing.T) {
	got, err := edit.Literals("f", []byte("a= b 'c' \n\n--from-literal=d=e=f\r\n"))
	if err != nil || show(got) != "a=[ b 'c' ]d=[e=f]" {
		t.Errorf("%s, %v", show(got), err)
	}
	_, err = edit.Literals("f", []byte("a=b\ncanary\nc=\na=d"))
	want := "f:2: no = in this line\nf:3: key \"c\": the value is empty\nf:4: key \"a\": stands there twice"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// FuzzDotenv: what is accepted and written in single quotes comes back.
func FuzzDotenv(f *testing.F) {
	f.Add("A=b # c")
	f.Add("export A=\"x\\ny\"\nB='z'")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := edit.Dotenv("f", []byte(text))
		if err != nil {
			return
		}
		var b strings.Builder
		for _, v := range first {
			if strings.ContainsAny(string(v.Data), "'\r") {
				return
			}
			b.WriteString(v.Key + "='" + string(v.Data) + "'\n")
		}
		second, err := edit.Dotenv("f", []byte(b.String()))
		if err != nil || show(first) != show(second) {
			t.Fatalf("%q, then %q, %v", show(first), show(second), err)
		}
	})
}
