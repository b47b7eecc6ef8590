package face

// Contrast is that of two colours as #rrggbb.
func Contrast(a, b string) float64 { return contrast(parsed(a), parsed(b)) }
