//go:build linux

package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// received is a request as its bytes came, nothing of it interpreted but where it ends.
type received struct {
	Head    []byte   `json:"head"` // up to and with the empty line
	Body    []byte   `json:"body"` // without the framing of chunks
	Trailer []string `json:"trailer"`
}

// sayBytes answers each request with what came; a header X-Say holds, in base64, the bytes to answer instead.
func sayBytes(l net.Listener, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			from := bufio.NewReader(c)
			for answerRaw(c, from) == nil {
			}
		}()
	}
}

func answerRaw(c net.Conn, from *bufio.Reader) error {
	var got received
	length, chunked, say, says := 0, false, "", false
	for {
		line, err := from.ReadBytes('\n')
		if err != nil {
			return err
		}
		got.Head = append(got.Head, line...)
		name, value, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "":
		case "content-length":
			length, _ = strconv.Atoi(value)
			continue
		case "transfer-encoding":
			chunked = strings.EqualFold(value, "chunked")
			continue
		case "expect":
			fmt.Fprint(c, "HTTP/1.1 100 Continue\r\n\r\n")
			continue
		case "x-say":
			say, says = value, true
			continue
		default:
			continue
		}
		break
	}
	if err := got.rest(from, length, chunked); err != nil {
		return err
	}
	if says {
		answer, err := base64.StdEncoding.DecodeString(say)
		if err != nil {
			return err
		}
		c.Write(answer)
		return io.EOF // where it ends is for the answer to say
	}
	body, err := json.Marshal(got)
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(got.Head), "HEAD ") {
		_, err = fmt.Fprintf(
			c, "HTTP/1.1 200 OK\r\nX-Received: %s\r\nContent-Length: 7\r\n\r\n", base64.StdEncoding.EncodeToString(body),
		)
		return err
	}
	_, err = fmt.Fprintf(
		c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body,
	)
	return err
}

// rest reads what follows the head.
func (r *received) rest(from *bufio.Reader, length int, chunked bool) error {
	if !chunked {
		r.Body = make([]byte, length)
		_, err := io.ReadFull(from, r.Body)
		return err
	}
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(strings.TrimSpace(line), 16, 31)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(from, chunk); err != nil {
			return err
		}
		r.Body = append(r.Body, chunk[:size]...)
	}
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			return err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return nil
		}
		r.Trailer = append(r.Trailer, line)
	}
}
