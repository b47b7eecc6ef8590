package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/spf13/cobra"
)

// registryServer serves a registry of images that is in memory. The one image that it has from the beginning is
// pause:1, which every Pod needs.
func registryServer() *cobra.Command {
	var listen string
	command := &cobra.Command{Use: "registry", SilenceUsage: true, RunE: func(*cobra.Command, []string) error {
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			return fmt.Errorf("serve a registry: %w", err)
		}
		server := &http.Server{Handler: registry.New(), ReadHeaderTimeout: 10 * time.Second}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(listener) }()
		return errors.Join(pushPause(listen), <-ended)
	}}
	command.Flags().StringVar(&listen, "listen", "127.0.0.1:5000", "address and port")
	return command
}

func pushPause(host string) error {
	layer, err := oneProgram("pause", pauseProgram())
	if err != nil {
		return fmt.Errorf("make the image pause: %w", err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return fmt.Errorf("make the image pause: %w", err)
	}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{Architecture: "amd64", OS: "linux", RootFS: layers(image),
		Config: v1.Config{Entrypoint: []string{"/pause"}}})
	if err != nil {
		return fmt.Errorf("make the image pause: %w", err)
	}
	to, err := name.ParseReference(host+"/pause:1", name.Insecure)
	if err != nil {
		return fmt.Errorf("push the image pause: %w", err)
	}
	return remote.Write(to, image)
}

func layers(image v1.Image) v1.RootFS {
	config, err := image.ConfigFile()
	if err != nil {
		return v1.RootFS{}
	}
	return config.RootFS
}

func oneProgram(path string, program []byte) (v1.Layer, error) {
	var file bytes.Buffer
	archive := tar.NewWriter(&file)
	if err := archive.WriteHeader(&tar.Header{Name: path, Mode: 0o755, Size: int64(len(program))}); err != nil {
		return nil, err
	}
	if _, err := io.Copy(archive, bytes.NewReader(program)); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(file.String())), nil })
}

// pauseProgram is an executable for amd64 that waits for ever.
func pauseProgram() []byte {
	code := []byte{
		0xb8, 34, 0, 0, 0, // mov eax, 34 (pause)
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp to the beginning
	}
	const header, segment, base = 64, 56, 0x400000
	size := uint64(header + segment + len(code))
	var program bytes.Buffer
	program.WriteString("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9))
	for _, part := range []any{
		uint16(2), uint16(62), uint32(1), uint64(base + header + segment), uint64(header), uint64(0), uint32(0),
		uint16(header), uint16(segment), uint16(1), uint16(0), uint16(0), uint16(0),
		uint32(1), uint32(5), uint64(0), uint64(base), uint64(base), size, size, uint64(0x10000), code,
	} {
		_ = binary.Write(&program, binary.LittleEndian, part) // never fails on a buffer
	}
	return program.Bytes()
}
