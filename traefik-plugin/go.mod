module github.com/whaley-ctf/whaley/traefik-plugin

go 1.20

require github.com/whaley-ctf/whaley/shared v0.0.0

replace github.com/whaley-ctf/whaley/shared => ../shared
