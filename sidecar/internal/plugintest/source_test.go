package plugintest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNothingIsWrittenThatYaegiDoesWrong guards against what it does wrong without a word: of "s.a, s.b = x, f()" it
// keeps the last assignment only, and a loop with a start but no step never gets to its second turn.
func TestNothingIsWrittenThatYaegiDoesWrong(t *testing.T) {
	files, looked := token.NewFileSet(), 0
	for _, folder := range []string{"shared", "traefik-plugin"} {
		err := filepath.WalkDir(filepath.Join("..", "..", "..", folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if a, ok := n.(*ast.AssignStmt); ok {
					looked++
					if len(a.Lhs) > 1 && len(a.Rhs) > 1 {
						t.Errorf("%s assigns several values in one statement; write one statement for each", files.Position(a.Pos()))
					}
				}
				if loop, ok := n.(*ast.ForStmt); ok && loop.Init != nil && loop.Post == nil {
					t.Errorf("%s has a start but no step; declare the variable before the loop", files.Position(loop.Pos()))
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 100 {
		t.Errorf("only %d assignments were found", looked)
	}
}

// TestEveryMethodIsNamedBehindItself guards against a data race of Yaegi's: the type of a method that only earlier
// lines name is worked out at its first call, and two of these may come at the same time.
func TestEveryMethodIsNamedBehindItself(t *testing.T) {
	looked := 0
	for _, folder := range interpretedFolders(t) {
		pkg := map[string]*ast.File{}
		for _, path := range sources(t, folder) {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			pkg[path] = file
		}
		named := map[string]bool{} // behind what is looked at, which goes from the last line to the first
		for _, path := range slices.Backward(slices.Sorted(maps.Keys(pkg))) {
			for _, declared := range slices.Backward(pkg[path].Decls) {
				if f, ok := declared.(*ast.FuncDecl); ok && f.Recv != nil && !f.Name.IsExported() {
					looked++
					if !named[f.Name.Name] {
						t.Errorf("%s: %s is named by nothing behind it; name it in yaegi.go of its package", path, f.Name.Name)
					}
				}
				ast.Inspect(declared, func(n ast.Node) bool {
					if use, ok := n.(*ast.SelectorExpr); ok {
						named[use.Sel.Name] = true
					}
					return true
				})
			}
		}
	}
	if looked < 50 {
		t.Errorf("only %d methods were found", looked)
	}
}

// interpretedFolders are the packages that Yaegi interprets.
func interpretedFolders(t *testing.T) []string {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	shared, err := filepath.Glob(filepath.Join(root, "shared", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return append(shared, filepath.Join(root, "traefik-plugin"))
}

// sources are a package's files but its tests.
func sources(t *testing.T, folder string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}
