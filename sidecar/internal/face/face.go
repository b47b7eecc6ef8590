// Package face is how an event looks: its name, logo, colour, the way back to its scoreboard, and a line at the foot of
// each page. What organisers give is text, one colour and one picture of few types; no HTML, style or script of theirs
// reaches a page.
package face

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	_ "image/gif" // the types that a logo may have
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"strings"
)

// Face is an event's own face.
type Face struct {
	Name   string
	Home   string // URL of the scoreboard; empty: none
	Footer string
	Logo   *Logo // nil: Whaley's
	Brand  *Brand
}

// DefaultName is what an event is called that has no name.
const DefaultName = "Whaley"

// Logo is a picture.
type Logo struct {
	Type string // as image/png
	Body []byte
	URI  string // the same as a data: address
}

const (
	// MaxLogo is the most bytes of a logo: it is written into every page that waits, and sent with a request to the API.
	MaxLogo    = 40_000
	mostPixels = 2048 // a side
)

// logoTypes are what browsers draw and never run; SVG is not among them, since that may hold scripts.
var logoTypes = []string{"image/png", "image/jpeg", "image/gif"}

// ParseLogo reads a picture from a data: address. What it is said to be must be what it is.
func ParseLogo(uri string) (*Logo, error) {
	if uri == "" {
		return nil, nil
	}
	for _, kind := range logoTypes {
		text, found := strings.CutPrefix(uri, "data:"+kind+";base64,")
		if !found {
			continue
		}
		body, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("is not whole: %w", err)
		}
		if len(body) > MaxLogo {
			return nil, fmt.Errorf("has %d bytes; it may have %d", len(body), MaxLogo)
		}
		if seen := http.DetectContentType(body); seen != kind {
			return nil, fmt.Errorf("is said to be %s and looks like %s", kind, seen)
		}
		shape, _, err := image.DecodeConfig(bytes.NewReader(body))
		if err != nil || shape.Width > mostPixels || shape.Height > mostPixels {
			return nil, fmt.Errorf("cannot be read as a picture of at most %d pixels a side", mostPixels)
		}
		return &Logo{kind, body, "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(body)}, nil
	}
	return nil, fmt.Errorf(
		"must be data:image/png;base64,… (or jpeg, gif) of at most %d bytes; the panel makes it of a file", MaxLogo,
	)
}
