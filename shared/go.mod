module github.com/whaley-ctf/whaley/shared

go 1.20
