package whaley

// Publication is a route of a running instance for the router in front.
type Publication struct {
	Instance    string
	Name        string // unique in the router: instance id, with the route's name for further routes
	Host        string // empty for routes of type custom
	Type        RouteType
	Access      Access
	Backend     string // host:port
	Scheme      Scheme // http
	Forwarded   string // http, see Route
	Passthrough bool
	EntryPoint  string
	TLS         bool
}
