package plugintest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// languages holds both pages to the reader's language: the one chosen by hand, else the browser's first that there is.
func languages(t *testing.T, w *world) {
	asked := ""
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		w.mu.Lock()
		defer w.mu.Unlock()
		asked = q.Language
		return mine(wire.StateStarting)(q)
	})
	cookie := "whaley=" + w.ticket(web)
	for what, c := range map[string]struct{ accept, cookie, lang, says string }{
		"nothing is said":        {"", "", "en", "Notes &lt;b&gt; is starting"},
		"a browser in German":    {"de-AT,de;q=0.9,en;q=0.8", "", "de", "Notes &lt;b&gt; startet"},
		"weights, not the order": {"en;q=0.1, fr;q=0.9", "", "fr", "Notes &lt;b&gt; démarre"},
		"the first there is":     {"tlh, cy;q=0.9, ja;q=0.5", "", "ja", "Notes &lt;b&gt; を起動しています"},
		"what is refused":        {"de;q=0, zh", "", "zh", "Notes &lt;b&gt; 正在启动"},
		"chosen by hand":         {"de", "; whaley_language=es", "es", "Notes &lt;b&gt; se está iniciando"},
		"chosen, but unknown":    {"de", "; whaley_language=<script>", "de", "Notes &lt;b&gt; startet"},
		"no language at all":     {"*;q=x, \"><script>alert(1)</script>", "", "en", "Notes &lt;b&gt; is starting"},
	} {
		got := w.get(web, "/", "Cookie", cookie+c.cookie, "Accept", "text/html", "Accept-Language", c.accept)
		w.mu.Lock()
		told := asked
		w.mu.Unlock()
		if !strings.Contains(got.Body, `<html lang="`+c.lang+`">`) || !strings.Contains(got.Body, c.says) ||
			got.Header.Get("Content-Language") != c.lang || told != c.lang {
			t.Errorf("%s: asked in %q, answered\n%.700s", what, told, got.Body)
		}
		if strings.Count(got.Body, "<script") != 1 {
			t.Errorf("%s: the page has a script that is not its own:\n%s", what, got.Body)
		}
	}
	if program := w.get(web, "/", "Cookie", cookie, "Accept-Language", "de"); program.problem(t).Detail !=
		"The challenge is still starting. Send the request again." {
		t.Errorf("a program is told %s", program.Body)
	}
	w.on(wire.PathWake, mine(wire.StateUnknown))
	for accept, says := range map[string]string{"de": "Hier ist nichts", "": "Nothing here", "ja": "ここには何もありません"} {
		got := w.get(web, "/", "Cookie", cookie, "Accept", "text/html", "Accept-Language", accept)
		if !strings.Contains(got.Body, ">"+says+"</h1>") || strings.Contains(got.Body, "No challenge at") != (accept == "") {
			t.Errorf("%q: %.3000s", accept, got.Body)
		}
	}
}

// TestEveryLanguageOfThePagesSaysTheSame reads the catalogues as they stand in the source.
func TestEveryLanguageOfThePagesSaysTheSame(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "traefik-plugin")
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, "catalogues.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if pair, ok := n.(*ast.KeyValueExpr); ok {
			name, _ := strconv.Unquote(pair.Key.(*ast.BasicLit).Value)
			text, _ := strconv.Unquote(pair.Value.(*ast.BasicLit).Value)
			said := map[string]string{}
			if err := json.Unmarshal([]byte(text), &said); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			all[name] = said
		}
		return true
	})
	own := ownCodes(t, folder)
	if len(all) != 6 || len(own) < 8 {
		t.Fatalf("%d languages, the plugin's own codes are %v", len(all), own)
	}
	for name, said := range all {
		want := slices.Collect(maps.Keys(all["en"]))
		if name != "en" {
			want = append(want, own...)
		}
		slices.Sort(want)
		if have := slices.Sorted(maps.Keys(said)); !slices.Equal(have, want) {
			t.Errorf("%s says %v, and should say %v", name, have, want)
		}
		for key, text := range said {
			if text == "" || strings.Count(text, "{1}") != strings.Count(all["en"][key], "{1}") || strings.ContainsAny(text, "<>") {
				t.Errorf("%s: %s: %q", name, key, text)
			}
		}
	}
}

// ownCodes are the codes of the problems that the plugin makes itself and shows on a page.
func ownCodes(t *testing.T, folder string) []string {
	codes := map[string]bool{}
	for _, path := range sources(t, folder) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			pair, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			name, _ := pair.Key.(*ast.Ident)
			value, _ := pair.Value.(*ast.BasicLit)
			if name != nil && name.Name == "Code" && value != nil {
				code, _ := strconv.Unquote(value.Value)
				codes[code] = true
			}
			return true
		})
	}
	delete(codes, "ticket_required") // a person is sent to sign in
	return slices.Sorted(maps.Keys(codes))
}
