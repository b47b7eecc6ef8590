//go:build linux

package main

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // what websockets are made of
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// serve speaks HTTP by hand, since no library says these things:
//
//	/headers?n=1000&name=8&value=20   that many lines of header, of about these lengths
//	/early?n=1000&value=20            that many answers 103 before the real one
//	/trickle                          a header that never ends, a line a second
//	/hang                             nothing
//	/bytes?mb=100                     a large body
//	/ws                               a websocket that says nothing
//	/exit                             ends the container
func serve() {
	l, err := net.Listen("tcp", ":8080")
	for err == nil {
		var c net.Conn
		if c, err = l.Accept(); err == nil {
			go answer(c)
		}
	}
	fmt.Println(err)
}

func answer(c net.Conn) {
	defer c.Close()
	for in := bufio.NewReader(c); ; {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		out := bufio.NewWriterSize(c, 64<<10)
		if !say(out, c, r) || out.Flush() != nil {
			return
		}
	}
}

// say answers a request, and says whether another may come.
func say(out *bufio.Writer, c net.Conn, r *http.Request) bool {
	n, value := number(r.FormValue("n")), strings.Repeat("v", number(r.FormValue("value")))
	switch r.URL.Path {
	case "/headers":
		name := strings.Repeat("n", number(r.FormValue("name")))
		fmt.Fprint(out, "HTTP/1.1 200 OK\r\n")
		for line := range n {
			if _, err := fmt.Fprintf(out, "%s%x: %s\r\n", name, line, value); err != nil {
				return false
			}
		}
		fmt.Fprint(out, "Content-Length: 0\r\n\r\n")
	case "/early":
		for range n {
			if _, err := fmt.Fprintf(out, "HTTP/1.1 103 Early Hints\r\nLink: <%s>\r\n\r\n", value); err != nil {
				return false
			}
		}
		fmt.Fprint(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	case "/trickle":
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\n")
		for line := 0; ; line++ {
			if _, err := fmt.Fprintf(c, "X%d: 1\r\n", line); err != nil {
				return false
			}
			time.Sleep(time.Second)
		}
	case "/hang":
		_, _ = io.Copy(io.Discard, c) // until the other side gives up
		return false
	case "/bytes":
		size := number(r.FormValue("mb")) << 20
		fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
		for part := make([]byte, 64<<10); size > 0; size -= len(part) {
			if _, err := out.Write(part); err != nil {
				return false
			}
		}
	case "/ws":
		// as above
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec
		fmt.Fprintf(
			c,
			"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]),
		)
		_, _ = io.Copy(io.Discard, c)
		return false
	case "/exit":
		os.Exit(1)
	default:
		fmt.Fprint(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
	return true
}
