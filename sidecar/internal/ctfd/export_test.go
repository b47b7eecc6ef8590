package ctfd

import "net/http"

// Through has a client's calls answered without a network, as a test in a time of its own needs.
func (c *Client) Through(way http.RoundTripper) *Client {
	c.http.Transport = way
	return c
}
