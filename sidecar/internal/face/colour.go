package face

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// readable is the least contrast of text on its ground: the 4.5 of WCAG 2 for normal text, and some for rounding.
const readable = 4.6

// apart is the least contrast of a button's shape on what is around it.
const apart = 1.6

var colourForm = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// Brand is what one colour becomes in each theme.
type Brand struct{ Dark, Light Shades }

// Shades are colours as #rrggbb; text in each is readable on the grounds it is used on.
type Shades struct{ Accent, AccentGround, AccentLine, Button, ButtonOver, ButtonInk string }

// AccentInk is the colour of text on the accent.
func (s Shades) AccentInk() string {
	if a := parsed(s.Accent); contrast(black, a) > contrast(white, a) {
		return black.String()
	}
	return white.String()
}

type colour [3]float64 // red, green, blue from 0 to 1

// The grounds of the pages; frontend/src/styles/base.css and the plugin's template have the same.
var (
	white, black = colour{1, 1, 1}, colour{0, 0, 0}
	darkGround   = parsed("#0d0d0d")
	darkCard     = parsed("#171717")
	darkRaised   = parsed("#262626")
	lightGround  = parsed("#f2f2f2")
	lightCard    = white
	lightRaised  = parsed("#eae8ee")
)

// ParseBrand makes readable shades of a colour, whichever it is.
func ParseBrand(text string) (*Brand, error) {
	if text == "" {
		return nil, nil
	}
	if !colourForm.MatchString(text) {
		return nil, fmt.Errorf("%q must be a colour like #7a3cff", text)
	}
	c := parsed(text)
	return &Brand{
		Dark:  shades(c, white, []colour{darkGround, darkCard, darkRaised, mix(c, darkGround, 0.18)}, darkCard),
		Light: shades(c, black, []colour{lightGround, lightCard, lightRaised, mix(c, lightCard, 0.12)}, lightCard),
	}, nil
}

// shades moves a colour towards the end of the scale where it is readable on all grounds, the last of which is its own
// tint.
func shades(c, end colour, grounds []colour, card colour) Shades {
	accent := c
	for _, ground := range grounds {
		accent = until(accent, end, ground, readable)
	}
	button := until(c, end, card, apart)
	ink := white
	if contrast(black, button) > contrast(white, button) {
		ink = black
	}
	away := mix(black, white, ink[0]) // the other end: a button under the mouse is further from its ink
	return Shades{
		Accent: accent.String(), AccentGround: grounds[len(grounds)-1].String(), AccentLine: mix(c, card, 0.45).String(),
		Button: button.String(), ButtonOver: mix(away, button, 0.12).String(), ButtonInk: ink.String(),
	}
}

func until(c, end, ground colour, least float64) colour {
	for part := 0.0; part <= 1; part += 0.02 {
		if moved := mix(end, c, part); contrast(parsed(moved.String()), ground) >= least {
			return moved
		}
	}
	return end
}

// mix is so much of a, and the rest of b.
func mix(a, b colour, part float64) colour {
	var c colour
	for n := range c {
		c[n] = part*a[n] + (1-part)*b[n]
	}
	return c
}

// contrast is that of WCAG 2, from 1 to 21.
func contrast(a, b colour) float64 {
	la, lb := a.luminance(), b.luminance()
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

func (c colour) luminance() float64 {
	var l [3]float64
	for n, v := range c {
		if l[n] = v / 12.92; v > 0.04045 {
			l[n] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0]*255)), int(math.Round(c[1]*255)), int(math.Round(c[2]*255)))
}

// parsed reads #rrggbb, whose form has been checked.
func parsed(text string) colour {
	n, _ := strconv.ParseUint(text[1:], 16, 32)
	return colour{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}
}
