package api_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	sidecar "github.com/whaley-ctf/whaley/sidecar"
)

var write = flag.Bool("write", false, "write the list of problems into openapi.yaml")

// statusOf is what each kind of error is answered with.
var statusOf = map[string]int{
	"Invalid": http.StatusUnprocessableEntity, "Unauthorized": http.StatusUnauthorized, "Forbidden": http.StatusForbidden,
	"NotFound": http.StatusNotFound,
	"Conflict": http.StatusConflict, "Exhausted": http.StatusTooManyRequests, "Unavailable": http.StatusServiceUnavailable,
	"Internal": http.StatusInternalServerError,
}

type problemCode struct {
	statuses map[int]bool
	says     string
	values   map[int]bool    // how many each of its sentences has
	from     map[string]bool // folders
}

// problemCodes reads every code out of the source, with what it says.
func problemCodes(t *testing.T) map[string]problemCode {
	t.Helper()
	var files []*ast.File
	folders := map[*ast.File]string{}
	constants := map[string]string{}
	set := token.NewFileSet()
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				strings.Contains(path, "test/") {
				return err
			}
			f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err == nil {
				files = append(files, f)
				folders[f] = filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), filepath.Join("..", "..", "internal")+"/"))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for i, name := range spec.Names {
					if i < len(spec.Values) {
						if text, ok := literal(spec.Values[i]); ok {
							constants[name.Name] = text
						}
					}
				}
			}
			return true
		})
	}
	found := map[string]problemCode{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 3 || nameOf(call.Fun) != "Errorf" {
				return true
			}
			status, isKind := statusOf[nameOf(call.Args[0])]
			if !isKind {
				return true
			}
			code, ok := literal(call.Args[1])
			if !ok {
				code = constants[nameOf(call.Args[1])]
			}
			if code == "" {
				t.Errorf("%s: the code of this error is no constant", set.Position(call.Pos()))
				return true
			}
			if code == "method_not_allowed" {
				status = http.StatusMethodNotAllowed
			}
			p := found[code]
			if p.statuses == nil {
				p.statuses, p.values, p.from = map[int]bool{}, map[int]bool{}, map[string]bool{}
			}
			p.values[len(call.Args)-3] = true
			p.from[folders[f]] = true
			p.statuses[status] = true
			if text, ok := literal(call.Args[2]); ok && p.says == "" {
				p.says = text
			}
			found[code] = p
			return true
		})
	}
	return found
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// literal is a text, or several that are added.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok1 := literal(e.X)
		right, ok2 := literal(e.Y)
		return left + right, ok1 && ok2 && e.Op == token.ADD
	}
	return "", false
}

// problemSchema is the list as it stands in the description.
func problemSchema(codes map[string]problemCode) string {
	var b strings.Builder
	b.WriteString("    ProblemCode:\n      type: string\n      description: |\n        What can stand in a problem's `code`; `%s` and the like stand for what it is about.\n\n" +
		"        | code | status | what it says |\n        |---|---|---|\n")
	names := slices.Sorted(maps.Keys(codes))
	for _, name := range names {
		var statuses []string
		for _, status := range slices.Sorted(maps.Keys(codes[name].statuses)) {
			statuses = append(statuses, strconv.Itoa(status))
		}
		says := strings.NewReplacer("|", "\\|", "\n", " ").Replace(codes[name].says)
		fmt.Fprintf(&b, "        | `%s` | %s | %s |\n", name, strings.Join(statuses, ", "), says)
	}
	b.WriteString("      enum:\n")
	for _, name := range names {
		fmt.Fprintf(&b, "        - %s\n", name)
	}
	return b.String()
}

// described are the codes that the description lists.
func described(t *testing.T) map[string]bool {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(sidecar.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	if schema := document.Components.Schemas["ProblemCode"]; schema != nil {
		for _, code := range schema.Value.Enum {
			listed[fmt.Sprint(code)] = true
		}
	}
	return listed
}

func TestTheDescriptionListsEveryProblem(t *testing.T) {
	const file = "../../openapi.yaml"
	codes := problemCodes(t)
	want := problemSchema(codes)
	have := sidecar.OpenAPI
	if !*write {
		listed := described(t)
		for code := range codes {
			if !listed[code] {
				t.Errorf("openapi.yaml does not list the problem %s: run go test ./internal/api -run EveryProblem -write", code)
			}
			delete(listed, code)
		}
		for code := range listed {
			t.Errorf(
				"openapi.yaml lists the problem %s, which nothing has: run go test ./internal/api -run EveryProblem -write", code,
			)
		}
		return
	}
	from := bytes.Index(have, []byte("    ProblemCode:\n"))
	if from < 0 {
		from = bytes.Index(have, []byte("    Problem:\n      type: object\n"))
		have = slices.Concat(have[:from], []byte(want), have[from:])
	} else {
		length := bytes.Index(have[from+1:], []byte("\n    Problem:\n"))
		have = slices.Concat(have[:from], []byte(want), have[from+1+length+1:])
	}
	if err := os.WriteFile(file, have, 0o644); err != nil {
		t.Fatal(err)
	}
}
