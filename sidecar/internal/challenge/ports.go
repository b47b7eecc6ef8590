package challenge

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// declared is an entry of a service's ports. Nothing is published for it: routes do that. It must agree with them.
type declared struct {
	service string
	key     string
	line    int
	port    int
	by      int // the internal port whose PORT_<n> is named as the host's; 0: none is
}

// portForm is a container's port, which may have Whaley's own variable for a host port before it.
var portForm = regexp.MustCompile(`^(?:\$(?:\{PORT_(\d+)(?::?-\d*)?\}|PORT_(\d+)):)?(\d+)(/tcp)?$`)

// declare reads the ports of a service.
func (r *reading) declare(value *yaml.Node, path string) {
	at := path + ".ports"
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	if value.Kind != yaml.SequenceNode {
		r.refuse(value, at, "must be a list, and is %s", second(kindOfNode(value)))
		return
	}
	if len(r.ports)+len(value.Content) > maxItems {
		r.refuse(value, at, "there are more than %d", maxItems)
		return
	}
	for n, item := range value.Content {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		key := at + "[" + strconv.Itoa(n) + "]"
		r.at.add(key, item.Line)
		text := item.Value
		if item.Kind == yaml.MappingNode {
			var ok bool
			if text, ok = r.longPort(item, key); !ok {
				continue
			}
		}
		m := portForm.FindStringSubmatch(text)
		if m == nil || item.Kind == yaml.SequenceNode {
			r.refuse(item, key, `%q is not allowed: host ports are given out by Whaley. Write the container's port alone, as "80", and a [[routes]] in instance.toml that leads to it`, text)
			continue
		}
		port, _ := strconv.Atoi(m[3]) // digits; too many make a port that no route has
		by, _ := strconv.Atoi(m[1] + m[2])
		r.ports = append(r.ports, declared{service: strings.TrimPrefix(path, "services."), key: key, line: item.Line, port: port, by: by})
	}
}

// longPort makes the short form of the long one.
func (r *reading) longPort(item *yaml.Node, key string) (string, bool) {
	target, published, ok := "", "", true
	for n := 0; n+1 < len(item.Content); n += 2 {
		name, value := item.Content[n], item.Content[n+1].Value
		switch name.Value {
		case "target":
			target = value
		case "published":
			published = value + ":"
		case "protocol":
			if value != "tcp" {
				r.refuse(name, key+".protocol", `%q is not supported; routes are TCP`, value)
				ok = false
			}
		case "name", "app_protocol", "mode":
		case "host_ip":
			r.refuse(name, key+".host_ip", "is not allowed: host ports are given out by Whaley")
			ok = false
		default:
			r.refuse(name, key+"."+name.Value, "is not a key of the compose specification")
			ok = false
		}
	}
	return published + target, ok
}

func second[A, B any](_ A, b B) B { return b }

// checkPorts tells of declared ports that no route leads to.
func checkPorts(file string, all []declared, d *definition, problems *Problems) {
	for _, p := range all {
		found := false
		for _, r := range d.Routes {
			found = found || r.Service == p.service && r.Port == p.port
		}
		if !found {
			problems.add(file, p.line, p.key, "no route leads to port %d of %s: add a [[routes]] to instance.toml, or remove this", p.port, p.service)
		} else if p.by != 0 && p.by != p.port {
			problems.add(file, p.line, p.key, "PORT_%d is the host port of %d, not of %d", p.by, p.by, p.port)
		}
	}
}
