//go:build linux

// Command container is what runs inside the hostile challenges. Each argument is one thing to do, all at the same time;
// every flood is bounded by its own number.
//
//	serve                    HTTP on :8080 that answers as nobody should, see serve.go
//	print                    lines of every length to stdout, without end
//	yes                      the same line, for a health check
//	sleep                    nothing, without end
//	exit=500-3000            ends with an error after so many milliseconds
//	udp=sibling/20000        so many flows to another container
//	macs=20000               so many Ethernet frames, each from another address (NET_RAW)
//	files=50000              so many empty files, two in a folder, each of which is renamed again and again
//	unlinked=64              so many megabytes into a file that has no name any more
package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	for _, what := range os.Args[1:] {
		name, value, _ := strings.Cut(what, "=")
		do, known := deeds[name]
		if !known {
			fmt.Fprintln(os.Stderr, "unknown:", what)
			os.Exit(2)
		}
		go do(value)
	}
	select {}
}

var deeds = map[string]func(string){
	"serve": func(string) { serve() },
	"print": func(string) { printLines(os.Stdout) },
	"yes": func(string) {
		for {
			fmt.Println("y")
		}
	},
	"sleep":    func(string) {},
	"exit":     exit,
	"udp":      flows,
	"macs":     frames,
	"unlinked": unlinked,
	"files":    files,
}

func printLines(out io.Writer) {
	text := strings.Repeat("whale ", 20_000)
	for {
		fmt.Fprintln(out, text[:rand.IntN(1<<rand.IntN(17))])
	}
}

func exit(between string) {
	low, high, _ := strings.Cut(between, "-")
	least, most := number(low), number(high)
	time.Sleep(time.Duration(least+rand.IntN(max(1, most-least))) * time.Millisecond)
	os.Exit(1)
}

// flows sends one byte from many ports to many ports: each pair is an entry where connections are tracked.
func flows(to string) {
	host, count, _ := strings.Cut(to, "/")
	const ports = 1000
	for left := number(count); left > 0; {
		from, err := net.ListenPacket("udp4", ":0")
		if err != nil {
			fmt.Println(err)
			return
		}
		address, err := net.ResolveUDPAddr("udp4", host+":1")
		for port := 1; err == nil && port <= ports && left > 0; port++ {
			address.Port = port + 1000
			_, _ = from.WriteTo([]byte{1}, address) // a refusal comes back for each; the entry is there
			left--
			if left%500 == 0 {
				time.Sleep(50 * time.Millisecond)
			}
		}
		from.Close()
	}
	fmt.Println("flows sent")
}

func frames(count string) {
	raw, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
	if err != nil {
		fmt.Println("no raw socket:", err)
		return
	}
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			continue
		}
		frame := make([]byte, 60)
		copy(frame, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		frame[12], frame[13] = 0x88, 0xb5 // a type for experiments
		for n := range number(count) {
			for at := 6; at < 12; at++ {
				frame[at] = byte(rand.Uint32())
			}
			frame[6] = frame[6]&^1 | 2 // one address, locally administered
			if err := syscall.Sendto(raw, frame, 0, &syscall.SockaddrLinklayer{Ifindex: i.Index}); err != nil {
				fmt.Println("frames:", err)
				return
			}
			if n%500 == 0 {
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	fmt.Println("frames sent")
}

func unlinked(megabytes string) {
	file, err := os.Create("/unlinked")
	if err == nil {
		err = os.Remove("/unlinked")
	}
	part := make([]byte, 1<<20)
	for n := 0; err == nil && n < number(megabytes); n++ {
		_, err = file.Write(part)
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Println("written:", err)
	select {} // the file stays open
}

func files(count string) {
	all := number(count)
	name := func(n int, end string) string { return fmt.Sprintf("/files/%d/%d/%d%s", n/2%100, n/2, n%2, end) }
	for n := range all {
		path := name(n, "")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			fmt.Println("files:", err)
			return
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			fmt.Println("files:", err)
			return
		}
	}
	fmt.Println("files made")
	for from, to := "", "-"; ; from, to = to, from {
		for n := range all {
			_ = os.Rename(name(n, from), name(n, to))
		}
	}
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
