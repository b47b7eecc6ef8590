package whaley

// Printed is what one service of an instance printed last.
type Printed struct {
	Service string `json:"service"`
	Text    string `json:"text"` // lines with their ends
}
