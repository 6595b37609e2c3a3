package scripttest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// xsd is a schema in the part of XML Schema 1.0 that Jenkins' junit.xsd is written in:
// global elements, either of xs:string or with a sequence of references and attributes
// of xs:string. Whatever else a schema says is an error, so nothing of it is passed over.
type xsd struct {
	Elements []xsdElement `xml:"http://www.w3.org/2001/XMLSchema element"`
	xsdRest
}

type xsdElement struct {
	Name    string      `xml:"name,attr"`
	Ref     string      `xml:"ref,attr"`
	Type    string      `xml:"type,attr"`
	Min     string      `xml:"minOccurs,attr"`
	Max     string      `xml:"maxOccurs,attr"`
	Complex *xsdComplex `xml:"http://www.w3.org/2001/XMLSchema complexType"`
	xsdRest
}

type xsdComplex struct {
	Mixed    bool `xml:"mixed,attr"`
	Sequence struct {
		Elements []xsdElement `xml:"http://www.w3.org/2001/XMLSchema element"`
		xsdRest
	} `xml:"http://www.w3.org/2001/XMLSchema sequence"`
	Attributes []xsdAttribute `xml:"http://www.w3.org/2001/XMLSchema attribute"`
	xsdRest
}

type xsdAttribute struct {
	Name string `xml:"name,attr"`
	Type string `xml:"type,attr"`
	Use  string `xml:"use,attr"`
	xsdRest
}

// xsdRest is what the schema says beyond that.
type xsdRest struct {
	Children []struct{ XMLName xml.Name } `xml:",any"`
	Attrs    []xml.Attr                   `xml:",any,attr"`
}

func (r xsdRest) err(at string) error {
	for _, a := range r.Attrs {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			return fmt.Errorf("schema: %s: the attribute %s is not understood", at, a.Name.Local)
		}
	}
	for _, c := range r.Children {
		return fmt.Errorf("schema: %s: %s is not understood", at, c.XMLName.Local)
	}
	return nil
}

// parseXSD reads a schema.
func parseXSD(text []byte) (*xsd, error) {
	var s xsd
	if err := xml.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	if len(s.Elements) == 0 {
		return nil, errors.New("schema: no element")
	}
	problems := []error{s.err("schema")}
	for _, e := range s.Elements {
		problems = append(problems, e.err(e.Name), s.understood(e))
	}
	return &s, errors.Join(problems...)
}

func (s *xsd) understood(e xsdElement) error {
	if e.Complex == nil {
		if e.Type != "xs:string" {
			return fmt.Errorf("schema: %s: the type %q is not understood", e.Name, e.Type)
		}
		return nil
	}
	problems := []error{e.Complex.err(e.Name), e.Complex.Sequence.err(e.Name)}
	for _, a := range e.Complex.Attributes {
		problems = append(problems, a.err(e.Name))
		if a.Type != "xs:string" || a.Use != "required" && a.Use != "optional" {
			problems = append(problems, fmt.Errorf("schema: %s: %s is not understood", e.Name, a.Name))
		}
	}
	for _, c := range e.Complex.Sequence.Elements {
		problems = append(problems, c.err(e.Name))
		if s.element(c.Ref) == nil {
			problems = append(problems, fmt.Errorf("schema: %s: no element %q", e.Name, c.Ref))
		}
	}
	return errors.Join(problems...)
}

func (s *xsd) element(name string) *xsdElement {
	for i := range s.Elements {
		if s.Elements[i].Name == name {
			return &s.Elements[i]
		}
	}
	return nil
}

// xmlNode is one element of a document.
type xmlNode struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []xmlNode  `xml:",any"`
}

// validate holds a document against the schema, whole, and says all that is wrong.
func (s *xsd) validate(document []byte) error {
	var n xmlNode
	dec := xml.NewDecoder(bytes.NewReader(document))
	if err := dec.Decode(&n); err != nil {
		return err
	}
	if rest := bytes.TrimSpace(document[dec.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("%.20q stands behind the root element", rest)
	}
	return s.node(n, n.XMLName.Local)
}

func (s *xsd) node(n xmlNode, at string) error {
	e := s.element(n.XMLName.Local)
	switch {
	case n.XMLName.Space != "" || e == nil:
		return fmt.Errorf("%s: no such element", at)
	case e.Complex == nil && len(n.Attrs)+len(n.Children) > 0:
		return fmt.Errorf("%s: text alone, and it has attributes or elements", at)
	case e.Complex == nil:
		return nil
	case !e.Complex.Mixed && strings.TrimSpace(n.Text) != "":
		return fmt.Errorf("%s: no text may stand there", at)
	}
	problems := []error{e.Complex.attributes(n, at), e.Complex.sequence(n, at)}
	for i, c := range n.Children {
		problems = append(problems, s.node(c, fmt.Sprintf("%s/%s[%d]", at, c.XMLName.Local, i)))
	}
	return errors.Join(problems...)
}

func (c *xsdComplex) attributes(n xmlNode, at string) error {
	var problems []error
	given := map[string]bool{}
	for _, a := range n.Attrs {
		given[a.Name.Local] = true
	}
	for _, a := range c.Attributes {
		if a.Use == "required" && !given[a.Name] {
			problems = append(problems, fmt.Errorf("%s: no attribute %s", at, a.Name))
		}
		delete(given, a.Name)
	}
	for name := range given {
		problems = append(problems, fmt.Errorf("%s: the attribute %s is not in the schema", at, name))
	}
	return errors.Join(problems...)
}

// sequence wants the children in the schema's order, each as often as it says.
func (c *xsdComplex) sequence(n xmlNode, at string) error {
	rest := n.Children
	for _, want := range c.Sequence.Elements {
		found := 0
		for len(rest) > 0 && rest[0].XMLName.Local == want.Ref {
			found, rest = found+1, rest[1:]
		}
		least, most := occurs(want.Min), occurs(want.Max)
		if found < least || want.Max != "unbounded" && found > most {
			return fmt.Errorf("%s: %d times %s", at, found, want.Ref)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%s: %s does not belong there", at, rest[0].XMLName.Local)
	}
	return nil
}

// occurs is how often; once when nothing is said.
func occurs(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return 1
}
