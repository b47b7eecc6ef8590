package plugintest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
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
