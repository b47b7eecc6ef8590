//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// held are connections that a flood keeps open.
var held struct {
	sync.Mutex
	all []net.Conn
}

// holdFor is how long a flood's connections stay open at most: whoever floods may die before he lets go.
const holdFor = time.Minute

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.FormValue(name))
	return n
}

// flood sends a datagram from each of some ports to each of some ports of a host, and tells how many it sent.
func flood(r *http.Request) string {
	sent := 0
	for range number(r, "from") {
		socket, err := net.ListenPacket("udp4", ":0")
		if err != nil {
			return err.Error()
		}
		for n := range number(r, "ports") {
			to, err := net.ResolveUDPAddr("udp4", net.JoinHostPort(r.FormValue("to"), strconv.Itoa(20000+n)))
			if err != nil {
				return err.Error()
			}
			if _, err := socket.WriteTo([]byte{1}, to); err == nil {
				sent++
			}
		}
		socket.Close()
	}
	return fmt.Sprint("sent ", sent)
}

// hold opens connections to an address, keeps them, and tells how many there are.
func hold(r *http.Request) string {
	var all sync.WaitGroup
	var mu sync.Mutex
	open := 0
	for range number(r, "times") {
		all.Go(func() {
			conn, err := net.DialTimeout("tcp", r.FormValue("to"), patience)
			if err != nil {
				return
			}
			held.Lock()
			held.all = append(held.all, conn)
			held.Unlock()
			mu.Lock()
			open++
			mu.Unlock()
		})
	}
	all.Wait()
	time.AfterFunc(holdFor, letGo)
	return fmt.Sprint("open ", open)
}

// frames sends Ethernet frames whose senders are invented, and tells how many it sent.
func frames(r *http.Request) string {
	s, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
	if err != nil {
		return err.Error()
	}
	defer syscall.Close(s)
	card, err := net.InterfaceByName("eth0")
	if err != nil {
		return err.Error()
	}
	frame := make([]byte, 60)
	copy(frame, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0, 0x88, 0xb5}) // to all; a type for experiments
	for n := range number(r, "times") {
		binary.BigEndian.PutUint32(frame[8:], uint32(n))
		if err := syscall.Sendto(s, frame, 0, &syscall.SockaddrLinklayer{Ifindex: card.Index}); err != nil {
			return err.Error()
		}
	}
	return "sent " + r.FormValue("times")
}

// hide writes mb megabytes into a file without a name and keeps it: open, only mapped (how=map), or on its way from one
// socket to another (how=flight).
func hide(r *http.Request) string {
	f, err := os.Create(r.FormValue("path"))
	if err == nil {
		err = os.Remove(f.Name())
	}
	if err != nil {
		return err.Error()
	}
	block := make([]byte, 1<<20)
	for range number(r, "mb") {
		if _, err := f.Write(block); err != nil {
			return err.Error()
		}
	}
	switch r.FormValue("how") {
	case "map":
		if _, err := syscall.Mmap(int(f.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED); err != nil {
			return err.Error()
		}
		f.Close()
	case "flight":
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
		if err == nil {
			err = syscall.Sendmsg(pair[0], []byte{0}, syscall.UnixRights(int(f.Fd())), nil, 0)
		}
		if err != nil {
			return err.Error()
		}
		f.Close()
	default:
		hidden = append(hidden, f)
	}
	return "done"
}

// hidden keeps files open.
var hidden []*os.File

// output prints mb megabytes of lines, as fast as they are taken, while others are served.
func output(r *http.Request) string {
	line := append(bytes.Repeat([]byte("x"), 1023), '\n')
	block := bytes.Repeat(line, 1<<10)
	go func() {
		for range number(r, "mb") {
			os.Stdout.Write(block)
		}
	}()
	return "done"
}

// litter makes a number of empty files in a folder.
func litter(r *http.Request) string {
	if err := os.MkdirAll(r.FormValue("path"), 0o700); err != nil {
		return err.Error()
	}
	for n := range number(r, "files") {
		if err := os.WriteFile(filepath.Join(r.FormValue("path"), strconv.Itoa(n)), nil, 0o600); err != nil {
			return err.Error()
		}
	}
	return "done"
}

func letGo() {
	held.Lock()
	defer held.Unlock()
	for _, c := range held.all {
		c.Close()
	}
	held.all = nil
}
