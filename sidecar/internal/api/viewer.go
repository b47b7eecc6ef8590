package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	sidecar "github.com/whaley-ctf/whaley/sidecar"
)

//go:embed viewer.html
var viewerPage string

//go:embed viewer.css
var viewerStyle string

// node is any part of the description, in its order.
type node = yaml.Node

type docView struct {
	OpenAPI string
	Info    struct{ Title, Description string }
	Style   template.CSS
	Groups  []*docGroup
	Schemas []docSchema
}

type docGroup struct {
	Name, Description string
	Operations        []docOperation
}

type docOperation struct {
	Method, Path, ID, Summary, Description string
	Parameters                             []docParameter
	Bodies                                 []docBody
}

type docParameter struct {
	Name, In, Description, Schema string
	Required                      bool
}

type docBody struct {
	What, Text string
	Content    []docContent
}

// docContent is a media type with the name of its schema, or else the schema itself.
type docContent struct{ Type, Name, Schema string }

type docSchema struct{ Name, Text string }

// viewDocs is the description for people: one page without scripts and without anything from elsewhere.
func (a *API) viewDocs(w http.ResponseWriter, _ *http.Request) error {
	page, err := a.viewer()
	if err != nil {
		return err
	}
	style := sha256.Sum256([]byte(viewerStyle))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set(
		"Content-Security-Policy",
		"default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(style[:])+
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	)
	_, _ = w.Write(page) // nobody to tell when the client has gone away
	return nil
}

func renderDocs() ([]byte, error) {
	var root node
	if err := yaml.Unmarshal(sidecar.OpenAPI, &root); err != nil {
		return nil, err
	}
	d := reader{root.Content[0]}
	view := docView{OpenAPI: d.text(d.root, "openapi"), Style: template.CSS(viewerStyle)}
	view.Info.Title, view.Info.Description = d.text(get(d.root, "info"), "title"), d.text(
		get(d.root, "info"), "description",
	)
	for _, tag := range items(get(d.root, "tags")) {
		view.Groups = append(view.Groups, &docGroup{Name: d.text(tag, "name"), Description: d.text(tag, "description")})
	}
	each(get(d.root, "paths"), func(p string, item *node) {
		each(item, func(method string, op *node) {
			tag := ""
			for _, t := range items(get(op, "tags")) {
				tag = t.Value
			}
			if n := slices.IndexFunc(view.Groups, func(g *docGroup) bool { return g.Name == tag }); n >= 0 {
				view.Groups[n].Operations = append(view.Groups[n].Operations, d.operation(strings.ToUpper(method), p, op))
			}
		})
	})
	each(get(get(d.root, "components"), "schemas"), func(name string, schema *node) {
		view.Schemas = append(view.Schemas, docSchema{name, plainYAML(schema)})
	})
	page, err := template.New("").Funcs(template.FuncMap{"lines": paragraphs}).Parse(viewerPage)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Execute(&b, view)
	return b.Bytes(), err
}

// reader follows references inside the description.
type reader struct{ root *node }

func (d reader) operation(method, p string, op *node) docOperation {
	o := docOperation{
		Method: method, Path: p, ID: d.text(op, "operationId"), Summary: d.text(op, "summary"),
		Description: d.text(op, "description"),
	}
	for _, ref := range items(get(op, "parameters")) {
		one := d.follow(ref)
		o.Parameters = append(o.Parameters, docParameter{
			Name: d.text(one, "name"), In: d.text(one, "in"), Description: d.text(one, "description"),
			Required: d.text(one, "required") == "true",
			Schema:   strings.Join(strings.Fields(plainYAML(get(one, "schema"))), " "),
		})
	}
	if body := get(op, "requestBody"); body != nil {
		o.Bodies = append(o.Bodies, d.body("Body", body))
	}
	each(get(op, "responses"), func(status string, answer *node) {
		if status == "default" {
			status = "any other status"
		}
		o.Bodies = append(o.Bodies, d.body("Answer "+status, answer))
	})
	return o
}

func (d reader) body(what string, ref *node) docBody {
	one := d.follow(ref)
	b := docBody{What: what, Text: d.text(one, "description")}
	each(get(one, "content"), func(kind string, media *node) {
		schema := get(media, "schema")
		c := docContent{Type: kind}
		if ref := d.text(schema, "$ref"); ref != "" {
			c.Name = path.Base(ref)
		} else if schema != nil {
			c.Schema = plainYAML(schema)
		}
		if example := get(media, "example"); example != nil {
			c.Schema += "# example\n" + plainYAML(example)
		}
		b.Content = append(b.Content, c)
	})
	return b
}

func (d reader) follow(n *node) *node {
	ref := d.text(n, "$ref")
	if ref == "" {
		return n
	}
	at := d.root
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = get(at, part)
	}
	return at
}

func (d reader) text(n *node, key string) string {
	if value := get(n, key); value != nil {
		return value.Value
	}
	return ""
}

// get is a value of a mapping; nil if there is none.
func get(n *node, key string) *node {
	var found *node
	each(n, func(name string, value *node) {
		if name == key {
			found = value
		}
	})
	return found
}

func each(n *node, f func(key string, value *node)) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		f(n.Content[i].Value, n.Content[i+1])
	}
}

func items(n *node) []*node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

func plainYAML(n *node) string {
	if n == nil {
		return ""
	}
	text, err := yaml.Marshal(n)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func paragraphs(text string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(text, "\n\n", "\x00"), func(r rune) bool { return r == 0 })
}
