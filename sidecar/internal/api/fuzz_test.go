package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
)

// fuzzFor is how long the fuzzer goes on; API_FUZZ=10m says otherwise, API_FUZZ_SEED repeats a run.
const fuzzFor = 3 * time.Second

// answerIn is how long a single request may take: streams and waits are cut off.
const answerIn = 60 * time.Millisecond

// strange are texts that no part of an API should trip over.
var strange = []string{
	"", " ", "0", "-1", "null", "true", "[]", "{}", "quick", "one", "..", ".", "../../../etc/passwd", "..%2f..%2fetc",
	"%00", "\x00", "a\x00b", "\n", "\r\nX-A: b",
	"'", `"`, `\`, "' OR 1=1 --", "$(id)", "{{7*7}}", "<script>alert(1)</script>", "%s%n", "é", "e\u0301", "\u202Eabc",
	"😀", "\ufeff", "\uffff", "\xff\xfe", "Ω≈ç", "ａ",
	"9223372036854775808", "-9223372036854775809", "1e309", "NaN", "0x10", "1.5", "١", "2030-01-01T00:00:00Z",
	"0000-00-00", "9999999-01-01T00:00:00Z",
	"/", "//", "a/b", "a//b", "a/../b", "C:\\", "file:///etc/passwd", "http://127.0.0.1/", "instance.toml",
	strings.Repeat("a", 300), strings.Repeat("é", 5000), strings.Repeat("(", 2000),
}

type fuzzer struct {
	*surface
	random *rand.Rand
	counts map[int]int
	sent   int
}

// TestNothingSentToTheAPIBreaksIt sends to every operation of the description what it asks for, spoilt in every way
// that comes to mind. Every answer must be as described, and none may be a fault of ours.
func TestNothingSentToTheAPIBreaksIt(t *testing.T) {
	long, seed := fuzzFor, uint64(time.Now().UnixNano())
	if text := os.Getenv("API_FUZZ"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv("API_FUZZ_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	f := &fuzzer{
		surface: newSurfaceOn(t, simulated.NewWorld().Engine("d")), random: rand.New(rand.NewPCG(seed, seed)),
		counts: map[int]int{},
	}
	paths := slices.Sorted(maps.Keys(f.document.Paths.Map()))
	operations := 0
	rounds := 0
	for end := time.Now().Add(long); (rounds == 0 || time.Now().Before(end)) && !t.Failed(); rounds++ {
		for _, path := range paths {
			item := f.document.Paths.Value(path)
			for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
				if rounds == 0 {
					operations++
				}
				f.operation(method, path, item, item.GetOperation(method))
			}
		}
	}
	t.Logf("%d requests to %d operations in %d rounds, seed %d, answers %v", f.sent, operations, rounds, seed, f.counts)
	if t.Failed() {
		t.Logf("API_FUZZ_SEED=%d repeats it", seed)
	}
}

func (f *fuzzer) operation(method, path string, item *openapi3.PathItem, op *openapi3.Operation) {
	query := url.Values{}
	target, params := path, map[string]string{}
	for _, ref := range append(slices.Clone(item.Parameters), op.Parameters...) {
		p := ref.Value
		switch p.In {
		case "path":
			params[p.Name] = f.inPath(p)
			target = strings.ReplaceAll(target, "{"+p.Name+"}", params[p.Name])
		case "query":
			if f.random.IntN(3) > 0 {
				query.Set(p.Name, f.text(p.Schema.Value))
			}
			if f.random.IntN(10) == 0 {
				query.Add(p.Name, f.text(p.Schema.Value))
			}
		}
	}
	if f.random.IntN(20) == 0 {
		query.Set(f.pick(strange), f.pick(strange))
	}
	body, kind := f.body(op)
	f.send(method, path, item, op, params, target, query.Encode(), body, kind)
}

// inPath is a value between slashes, escaped, or with its slashes and dots as they are.
func (f *fuzzer) inPath(p *openapi3.Parameter) string {
	text := f.text(p.Schema.Value)
	if text == "" {
		text = "x"
	}
	if f.random.IntN(4) == 0 {
		return strings.NewReplacer("%2F", "/", "%2E", ".").Replace(url.PathEscape(text))
	}
	return url.PathEscape(text)
}

func (f *fuzzer) pick(from []string) string { return from[f.random.IntN(len(from))] }

// text is a value for a parameter: a right one, or a strange one.
func (f *fuzzer) text(s *openapi3.Schema) string {
	if f.random.IntN(2) == 0 {
		return f.pick(strange)
	}
	return strings.Trim(fmt.Sprint(f.right(s, 0)), "[]")
}

// body is what an operation wants, or that with something replaced, or no JSON at all.
func (f *fuzzer) body(op *openapi3.Operation) (string, string) {
	if op.RequestBody == nil {
		if f.random.IntN(5) > 0 {
			return "", ""
		}
		return f.pick(strange), "application/json"
	}
	content := op.RequestBody.Value.Content
	if media := content.Get("application/json"); media != nil && media.Schema != nil {
		if f.random.IntN(8) == 0 {
			return f.pick(append(
					strange, "{", "[", `{"a":`, `{"a":1}{}`, strings.Repeat("[", 20000), `{"`+strings.Repeat("k", 70000)+`":1}`,
				)),
				"application/json"
		}
		text, err := json.Marshal(f.spoilt(f.right(media.Schema.Value, 0)))
		if err != nil {
			return "{", "application/json"
		}
		return string(text), f.pick([]string{"application/json", "application/json", "application/json", "text/plain", ""})
	}
	for kind := range content {
		if kind == "multipart/form-data" {
			var text strings.Builder
			form := multipart.NewWriter(&text)
			part, err := form.CreateFormFile(f.pick([]string{"file", "x"}), "a.zip")
			if err == nil {
				_, _ = io.WriteString(part, f.pick(strange)+"PK\x03\x04"+f.pick(strange))
			}
			form.Close()
			return text.String(), form.FormDataContentType()
		}
		return f.pick(strange), kind
	}
	return f.pick(strange), "application/json"
}

// right is a value as a schema wants it.
func (f *fuzzer) right(s *openapi3.Schema, depth int) any {
	switch {
	case s == nil || depth > 6:
		return nil
	case len(s.Enum) > 0:
		return s.Enum[f.random.IntN(len(s.Enum))]
	case len(s.AllOf) > 0:
		return f.right(s.AllOf[f.random.IntN(len(s.AllOf))].Value, depth+1)
	case len(s.OneOf) > 0:
		return f.right(s.OneOf[f.random.IntN(len(s.OneOf))].Value, depth+1)
	case s.Type.Includes("object"):
		object := map[string]any{}
		for name, property := range s.Properties {
			if slices.Contains(s.Required, name) || f.random.IntN(2) == 0 {
				object[name] = f.right(property.Value, depth+1)
			}
		}
		if s.AdditionalProperties.Schema != nil {
			for range 1 + f.random.IntN(3) {
				object[f.pick([]string{
					"MAX_INSTANCES", "LOG_LEVEL", "START_TIMEOUT", "CONTAINER_MAX_MEMORY", "PORT_RANGE_END", f.pick(strange),
				})] = f.right(s.AdditionalProperties.Schema.Value, depth+1)
			}
		}
		return object
	case s.Type.Includes("array"):
		list := []any{}
		for range f.random.IntN(3) {
			list = append(list, f.right(s.Items.Value, depth+1))
		}
		return list
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		if s.Max != nil && s.Min != nil {
			return int64(*s.Min) + f.random.Int64N(int64(*s.Max-*s.Min)+1)
		}
		return f.random.IntN(100)
	case s.Type.Includes("boolean"):
		return f.random.IntN(2) == 0
	case s.Type.Includes("string"):
		return f.pick([]string{
			"quick", "one", "a", "web", "2030-01-01T00:00:00Z", "quick-aaaaaaaaaaaaa.instances.localhost", "0123456789abcdef",
			f.pick(strange),
		})
	}
	return nil
}

// spoilt replaces some of a value by something else.
func (f *fuzzer) spoilt(value any) any {
	if f.random.IntN(6) == 0 {
		return f.anything()
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			switch f.random.IntN(8) {
			case 0:
				delete(v, name)
			case 1:
				v[name] = f.anything()
			default:
				v[name] = f.spoilt(v[name])
			}
		}
		if f.random.IntN(10) == 0 {
			v[f.pick(strange)] = f.anything()
		}
	case []any:
		for n := range v {
			v[n] = f.spoilt(v[n])
		}
	}
	return value
}

func (f *fuzzer) anything() any {
	return []any{
		nil, true, false, 0, -1, 1.5, 1e300, int64(1) << 62, f.pick(strange), f.pick(strange), []any{},
		[]any{f.pick(strange)}, map[string]any{}, map[string]any{f.pick(strange): 1},
	}[f.random.IntN(14)]
}

// send judges the answer to one request.
func (f *fuzzer) send(
	method, path string, item *openapi3.PathItem, op *openapi3.Operation, params map[string]string,
	target, query, body, kind string,
) {
	f.sent++
	uri := target
	if query != "" {
		uri += "?" + query
	}
	if _, err := url.ParseRequestURI(uri); err != nil {
		return // a client could not send it either
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerIn)
	defer cancel()
	handler, asker := f.public, f.pick([]string{alice, bob})
	if strings.HasPrefix(path, "/internal/") {
		handler = f.internal
	}
	request := func() *http.Request {
		r := httptest.NewRequestWithContext(ctx, method, uri, strings.NewReader(body))
		r.RemoteAddr = asker + ":5555"
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		switch {
		case strings.HasPrefix(path, "/internal/"):
			r.Header.Set("Authorization", "Bearer "+pluginKey)
		case strings.HasPrefix(path, "/admin/"):
			r.Header.Set("X-Admin-Key", adminKey)
		case path == "/metrics":
			r.Header.Set("Authorization", "Bearer "+metricsKey)
		}
		return r
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, request())
	f.counts[w.Code]++
	var p wire.Problem
	if w.Code >= 400 && strings.HasPrefix(w.Header().Get("Content-Type"), wire.ProblemType) {
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Code == "" || p.Detail == "" {
			f.t.Errorf("%s %s %.200q: %d %s", method, uri, body, w.Code, w.Body)
		}
	}
	if ctx.Err() != nil && w.Code == http.StatusServiceUnavailable {
		return // cut off by us in the middle
	}
	if w.Code == http.StatusInternalServerError ||
		w.Code > 500 && (p.Code == "" && !strings.HasPrefix(path, "/health") || p.Code == "database_unavailable") {
		f.t.Errorf("%s %s %s %.300q: %d %s", method, uri, kind, body, w.Code, w.Body)
	}
	if w.Code != http.StatusNotFound && w.Code != http.StatusTemporaryRedirect { // which may be of another path
		f.answered(
			&routers.Route{Spec: f.document, Path: path, PathItem: item, Method: method, Operation: op}, params, request(), w,
		)
	}
	if got := w.Header().Get("X-A"); got != "" {
		f.t.Errorf("%s %s: a header of the asker's is in the answer", method, uri)
	}
}

// TestPathsThatMeanSomethingElse walks out of every path, and asks with every byte that a path may hold.
func TestPathsThatMeanSomethingElse(t *testing.T) {
	s := newSurfaceOn(t, simulated.NewWorld().Engine("d"))
	asked, guarded := 0, map[string]bool{}
	for _, r := range s.api.AdminRoutes() {
		guarded[r.Path] = true
	}
	for path := range s.document.Paths.Map() {
		if strings.HasPrefix(path, "/internal/") {
			continue
		}
		for _, part := range []string{
			"/..", "/../", "/../..//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%5c..%5c", "/%00",
			"%00", "/%ff", "%ff%fe", "//", "/.", "/;a=b",
			"/%252e%252e%252f", "%0d%0aX-A:b", "/" + strings.Repeat("a/", 3000), "/%E2%80%AE", "?%00=%00", "?a=%ff", "?;;;",
			"?a=%zz",
		} {
			for _, method := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"} {
				u, err := url.ParseRequestURI(path + part)
				if err != nil {
					continue
				}
				asked++
				ctx, cancel := context.WithTimeout(context.Background(), answerIn)
				r := httptest.NewRequestWithContext(ctx, method, "/", nil)
				r.URL, r.RequestURI = u, path+part
				r.RemoteAddr = alice + ":5555"
				w := httptest.NewRecorder()
				s.public.ServeHTTP(w, r)
				cut := ctx.Err() != nil && w.Code == http.StatusServiceUnavailable // by us in the middle
				cancel()
				if w.Code >= 500 && !cut && !strings.HasPrefix(path, "/health") || w.Header().Get("X-A") != "" ||
					strings.Contains(w.Body.String(), "root:") || guarded[path] && w.Code < 400 && w.Code != 307 {
					t.Errorf("%s %.80s: %d %.200s", method, path+part, w.Code, w.Body)
				}
			}
		}
	}
	t.Logf("%d requests", asked)
}
