package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/report"
)

const schemaPath = "../../docs/report.schema.json"

// schema is the part of JSON Schema that the report's needs.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"` // a name, or several
	Const       any                `json:"const,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Values      *schema            `json:"additionalProperties,omitempty"`
	Defs        map[string]*schema `json:"$defs,omitempty"`
}

// source is what the package's source says of its types and no reflection knows:
// comments, and the constants of an enumeration.
type source struct {
	types, fields map[string]string
	enums         map[string][]string
}

func readSource(t *testing.T) source {
	t.Helper()
	s := source{types: map[string]string{}, fields: map[string]string{}, enums: map[string][]string{}}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				s.read(t, g)
			}
		}
	}
	return s
}

func (s source) read(t *testing.T, g *ast.GenDecl) {
	t.Helper()
	for _, spec := range g.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			s.types[spec.Name.Name] = flat(g.Doc)
			if body, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range body.Fields.List {
					for _, n := range f.Names {
						s.fields[spec.Name.Name+"."+n.Name] = flat(f.Comment)
					}
				}
			}
		case *ast.ValueSpec:
			of, named := spec.Type.(*ast.Ident)
			if !named || g.Tok != token.CONST || len(spec.Values) != 1 {
				continue
			}
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			s.enums[of.Name] = append(s.enums[of.Name], value)
		}
	}
}

func flat(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

// make is the schema of a type; those of structs go to defs.
func (s source) make(of reflect.Type, defs map[string]*schema) *schema {
	switch of.Kind() {
	case reflect.Pointer:
		return s.make(of.Elem(), defs)
	case reflect.Slice:
		return &schema{Type: "array", Items: s.make(of.Elem(), defs)}
	case reflect.Map:
		return &schema{Type: "object", Values: s.make(of.Elem(), defs)}
	case reflect.String:
		return &schema{Type: "string", Enum: s.enums[of.Name()]}
	case reflect.Int:
		return &schema{Type: "integer"}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Struct:
		if defs[of.Name()] == nil {
			defs[of.Name()] = &schema{} // before its fields, should one lead back
			*defs[of.Name()] = *s.object(of, defs)
		}
		return &schema{Ref: "#/$defs/" + of.Name()}
	default:
		panic("no schema for " + of.String())
	}
}

func (s source) object(of reflect.Type, defs map[string]*schema) *schema {
	o := &schema{Type: "object", Description: s.types[of.Name()], Properties: map[string]*schema{}}
	for f := range of.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		field := s.make(f.Type, defs)
		field.Description = s.fields[of.Name()+"."+f.Name]
		if options != "omitempty" {
			o.Required = append(o.Required, name)
			if f.Type.Kind() == reflect.Slice {
				field.Type = []string{"array", "null"}
			}
		}
		o.Properties[name] = field
	}
	return o
}

// TestSchema holds docs/report.schema.json against the types, so that a field that
// goes or changes is seen: SchemaVersion has to grow with it.
func TestSchema(t *testing.T) {
	defs := map[string]*schema{}
	readSource(t).make(reflect.TypeFor[report.Report](), defs)
	root := defs["Report"]
	delete(defs, "Report")
	root.Schema, root.Title, root.Defs = "https://json-schema.org/draft/2020-12/schema", "The JSON document of sealway's targets", defs
	root.Properties["schemaVersion"].Const = report.SchemaVersion
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaPath, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatalf("%v; go test ./pkg/report -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("docs/report.schema.json and the types differ (-file +types); -update writes it anew:\n%s", diff)
	}
}

// check is what is wrong with a document. What the schema does not name is wrong too:
// it is ours.
func (s *schema) check(root *schema, at string, v any) (wrong []string) {
	if s.Ref != "" {
		return root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")].check(root, at, v)
	}
	types := fmt.Sprint(s.Type)
	say := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	if !strings.Contains(types, kind(v)) {
		say("%s, not %s", kind(v), types)
		return wrong
	}
	switch v := v.(type) {
	case string:
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			say("%q is none of %q", v, s.Enum)
		}
	case float64:
		if s.Const != nil && s.Const != v {
			say("%v, not %v", v, s.Const)
		}
	case []any:
		for i, item := range v {
			wrong = append(wrong, s.Items.check(root, at+"/"+strconv.Itoa(i), item)...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, there := v[name]; !there {
				say("%s is missing", name)
			}
		}
		for name, value := range v {
			field := s.Properties[name]
			if field == nil {
				field = s.Values
			}
			if field == nil {
				say("%s is unknown", name)
				continue
			}
			wrong = append(wrong, field.check(root, at+"/"+name, value)...)
		}
	}
	return wrong
}

func kind(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case nil:
		return "null"
	case []any:
		return "array"
	case float64:
		if v == float64(int(v)) {
			return "integer"
		}
		return "number"
	default:
		return "object"
	}
}

// full gives every field of every struct a value.
func full(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		full(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		full(v.Index(0))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"cluster": "x"}))
	case reflect.Struct:
		for i := range v.NumField() {
			full(v.Field(i))
		}
	case reflect.Int:
		v.SetInt(report.SchemaVersion)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		switch v.Interface().(type) {
		case report.State:
			v.SetString(string(report.Failed))
		case report.Action:
			v.SetString(string(report.Update))
		default:
			v.SetString("x")
		}
	}
}

func TestReportsFollowTheSchema(t *testing.T) {
	data, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	var root schema
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	var all report.Report
	full(reflect.ValueOf(&all).Elem())
	bare := report.New("verify:app")
	bare.Chains = []report.Chain{{Application: "shop", State: report.OK}}
	for name, r := range map[string]*report.Report{"full": &all, "empty": report.New("seal:all"), "no links": bare, "example": verified(t), "hostile": hostileChain()} {
		if wrong := root.check(&root, "", document(t, r)); len(wrong) > 0 {
			t.Errorf("%s: %q", name, wrong)
		}
	}
	for _, c := range []struct {
		reason, want string
		damage       func(map[string]any)
	}{
		{"a state is one of six", "/chains/0/state", func(d map[string]any) { d["chains"].([]any)[0].(map[string]any)["state"] = "broken" }},
		{"every report has a summary", ": summary is missing", func(d map[string]any) { delete(d, "summary") }},
		{"a line is a number", "/chains/1/causes/0/line: string", func(d map[string]any) {
			d["chains"].([]any)[1].(map[string]any)["causes"].([]any)[0].(map[string]any)["line"] = "12"
		}},
		{"a field of ours is in the schema", ": extra is unknown", func(d map[string]any) { d["extra"] = true }},
		{"the version is this one", "/schemaVersion", func(d map[string]any) { d["schemaVersion"] = 2.0 }},
	} {
		d := document(t, verified(t))
		c.damage(d)
		if wrong := root.check(&root, "", d); len(wrong) != 1 || !strings.HasPrefix(wrong[0], c.want) {
			t.Errorf("%s: the check says %q, want %s", c.reason, wrong, c.want)
		}
	}
}

// document is the report as a program reads it.
func document(t *testing.T, r *report.Report) (d map[string]any) {
	t.Helper()
	var out bytes.Buffer
	if err := report.JSON(&out, r); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}
