package face_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/face"
)

func picture(t *testing.T, side int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func address(kind string, body []byte) string {
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(body)
}

func TestALogoIsAPictureAndNothingElse(t *testing.T) {
	good := address("image/png", picture(t, 64))
	if l, err := face.ParseLogo(good); err != nil || l.Type != "image/png" || l.URI != good {
		t.Errorf("%+v %v", l, err)
	}
	if l, err := face.ParseLogo(""); l != nil || err != nil {
		t.Errorf("none is %v %v", l, err)
	}
	script := []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)
	for what, text := range map[string]string{
		"a script as SVG":      address("image/svg+xml", script),
		"a script as PNG":      address("image/png", script),
		"a page":               address("text/html", []byte("<h1>")),
		"another type":         address("image/gif", picture(t, 8)),
		"the address of a one": "https://example.org/logo.png",
		"a quote behind":       good + `" onload="x`,
		"a type with more":     strings.Replace(good, ";base64", ";charset=x;base64", 1),
		"too many pixels":      address("image/png", picture(t, 4096)),
		"too many bytes":       address("image/png", append(picture(t, 8), make([]byte, face.MaxLogo)...)),
		"only its beginning":   address("image/png", picture(t, 8)[:10]),
	} {
		if _, err := face.ParseLogo(text); err == nil {
			t.Errorf("%s is a logo", what)
		}
	}
}

func TestEveryColourMakesReadablePages(t *testing.T) {
	var last string
	for red := 0; red < 256; red += 51 {
		for green := 0; green < 256; green += 51 {
			for blue := 0; blue < 256; blue += 51 {
				text := fmt.Sprintf("#%02X%02x%02x", red, green, blue)
				b, err := face.ParseBrand(text)
				if err != nil {
					t.Fatal(err)
				}
				for theme, s := range map[string]struct {
					face.Shades
					grounds []string
				}{
					"dark":  {b.Dark, []string{"#0d0d0d", "#171717", "#262626", b.Dark.AccentGround}},
					"light": {b.Light, []string{"#f2f2f2", "#ffffff", "#eae8ee", b.Light.AccentGround}},
				} {
					for _, ground := range s.grounds {
						if c := face.Contrast(s.Accent, ground); c < 4.5 {
							t.Errorf("%s in %s: %s on %s has %.2f", text, theme, s.Accent, ground, c)
						}
					}
					for _, button := range []string{s.Button, s.ButtonOver} {
						if c := face.Contrast(s.ButtonInk, button); c < 4.5 {
							t.Errorf("%s in %s: %s on the button %s has %.2f", text, theme, s.ButtonInk, button, c)
						}
					}
				}
				last = face.Face{Brand: b}.Style()
			}
		}
	}
	if !regexp.MustCompile(`^[a-z#0-9\[\]="():;{}@ \n-]+$`).MatchString(last) ||
		strings.Count(last, "{") != strings.Count(last, "}") {
		t.Errorf("the style is %s", last)
	}
	for _, text := range []string{"red", "#fff", "#12345g", "#123456;}body{display:none", " #123456", "#123456\n"} {
		if _, err := face.ParseBrand(text); err == nil {
			t.Errorf("%q is a colour", text)
		}
	}
}
