package whaley

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// maxPreferred is how many of the languages that a browser prefers are looked at.
const maxPreferred = 16

// What was read of the catalogues, by language: each is read when its first page is shown.
var (
	speechMu sync.Mutex
	speech   = map[string]map[string]string{}
)

// languageOf is the language for the person who asks: what was chosen on the dashboard by hand, else the first of the
// browser's that there is, else English.
func languageOf(r *http.Request) string {
	if c, err := r.Cookie(speechCookie); err == nil && catalogues[c.Value] != "" {
		return c.Value
	}
	best := "en"
	most := 0.0
	for i, one := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		if i == maxPreferred {
			break
		}
		tag, weight, weighed := strings.Cut(one, ";")
		q := 1.0
		if weighed {
			number, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
			if err != nil {
				continue
			}
			q = number
		}
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if q > most && catalogues[name] != "" {
			best = name
			most = q
		}
	}
	return best
}

// sayIn is what Whaley's pages say in a language. The map is not to be changed.
func sayIn(language string) map[string]string {
	speechMu.Lock()
	defer speechMu.Unlock()
	said := speech[language]
	if said == nil {
		said = map[string]string{}
		_ = json.Unmarshal([]byte(catalogues[language]), &said) // a test reads them all
		speech[language] = said
	}
	return said
}
