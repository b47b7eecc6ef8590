// Package language says to players in their own language what went wrong and what is being done. English stands where
// it is made; the other languages are one file each, by the stable code of a problem.
package language

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// Others are the languages beside English.
var Others = []string{"de", "es", "fr", "ja", "zh"}

//go:embed *.json
var files embed.FS

// Texts is what one language says.
type Texts struct {
	// Problems has a sentence for each code; one for problems with n values, if they need another, is at "code/n".
	// {1} stands for the first value.
	Problems map[string]string `json:"problems"`
	Words    map[string]string `json:"words"` // stages, states and other values, by what they are in English
}

var catalogues = read()

func read() map[string]Texts {
	all := map[string]Texts{}
	for _, name := range Others {
		text, err := files.ReadFile(name + ".json")
		var t Texts
		if err == nil {
			err = json.Unmarshal(text, &t)
		}
		if err != nil {
			panic(fmt.Sprintf("language: read the embedded %s.json: %v", name, err)) // a test would have failed
		}
		all[name] = t
	}
	return all
}

// Of is what a language says, nothing for English and unknown ones.
func Of(language string) Texts { return catalogues[language] }

// Problem is the same problem with its detail in a language; as it is, if that language has no words for it.
func Problem(language string, p wire.Problem) wire.Problem {
	t := catalogues[language]
	text, ok := t.Problems[p.Code+"/"+strconv.Itoa(len(p.Values))]
	if !ok {
		text, ok = t.Problems[p.Code]
	}
	if !ok {
		return p
	}
	pairs := make([]string, 0, 2*len(p.Values))
	for i, value := range p.Values {
		pairs = append(pairs, "{"+strconv.Itoa(i+1)+"}", t.word(value))
	}
	if said := strings.NewReplacer(pairs...).Replace(text); complete(text, len(p.Values)) {
		p.Detail = said
	}
	return p
}

// complete says whether there is a value for each place of a text: a problem of an earlier version may have fewer.
func complete(text string, values int) bool {
	for n := values + 1; n < 10; n++ {
		if strings.Contains(text, "{"+strconv.Itoa(n)+"}") {
			return false
		}
	}
	return true
}

// Stage is what is being done, in a language.
func Stage(language, stage string) string {
	t := catalogues[language]
	const waiting = "Waiting for"
	if what, ok := strings.CutPrefix(stage, waiting+" "); ok && t.Words != nil {
		return t.Words[waiting] + " " + what
	}
	return t.word(stage)
}

func (t Texts) word(value string) string {
	if said, ok := t.Words[value]; ok {
		return said
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at.UTC().Format("2006-01-02 15:04 UTC")
	}
	return value
}
