package whaley

import (
	"html/template"
	"regexp"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// face is how an event looks on the pages here. The sidecar has checked it all; what goes into the page unescaped is
// checked here again.
type face struct {
	Name, Home, Footer string
	Logo               template.URL
	Colours            template.CSS // empty: Whaley's own
}

var (
	colourForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	logoForm   = regexp.MustCompile(`^data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/]+=*$`)
	homeForm   = regexp.MustCompile(`^https?://`)
)

func faceOf(keys wire.Keys) face {
	f := face{Name: keys.EventName, Footer: keys.EventFooter}
	if homeForm.MatchString(keys.EventHome) {
		f.Home = keys.EventHome
	}
	if logoForm.MatchString(keys.EventLogo) {
		f.Logo = template.URL(keys.EventLogo)
	}
	c := keys.EventColours
	if len(c) != 4 {
		return f
	}
	for _, one := range c {
		if !colourForm.MatchString(one) {
			return f
		}
	}
	f.Colours = template.CSS(":root { --accent: " + c[0] + "; --on: " + c[1] +
		" } @media (prefers-color-scheme: light) { :root { --accent: " + c[2] + "; --on: " + c[3] + " } }")
	return f
}

// looks is the face as it was last heard of.
func (s *sidecar) looks() face {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.face.Name == "" {
		return face{Name: "Whaley"}
	}
	return s.face
}
