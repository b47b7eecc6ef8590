package ctfdtest

import (
	"embed"
	"html/template"
	"strings"
)

// The challenge page and the challenge window have the ids, classes and events of CTFd's two themes, and nothing else
// of them: what adds to the window finds its place by these.
//
//go:embed theme
var themeFiles embed.FS

var themes = template.Must(template.ParseFS(themeFiles, "theme/*.html"))

const (
	core           = "core"            // Bootstrap 5, put into the page by Alpine
	coreDeprecated = "core-deprecated" // Bootstrap 4, put into the page by jQuery
)

// theme is the one that is set, as CTFd's setting ctf_theme names it.
func (s *Server) theme() string {
	if s.settings["ctf_theme"] == coreDeprecated {
		return coreDeprecated
	}
	return core
}

// window is what a theme makes of a challenge: CTFd's API gives it as HTML.
func (s *Server) window(ch *Challenge) string {
	return s.render(s.theme()+".html", map[string]any{
		"Challenge": ch, "Link": strings.HasPrefix(ch.ConnectionInfo, "http"),
	})
}

// challengesPage shows what can be opened.
func (s *Server) challengesPage() string {
	var open []*Challenge
	for _, ch := range s.all {
		if s.challenge(ch.ID) != nil && !ch.Hidden {
			open = append(open, ch)
		}
	}
	return s.render("challenges.html", map[string]any{"Open": open, "Theme": s.theme()})
}

func (s *Server) render(name string, data any) string {
	var text strings.Builder
	if err := themes.ExecuteTemplate(&text, name, data); err != nil {
		panic(err) // of this package
	}
	return text.String()
}
