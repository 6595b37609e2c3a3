// Command redis stands for the Redis of a sandbox. It keeps everything in
// memory and listens on a Unix socket alone: what Argo CD caches in it is as
// good as a permission, and it has no users.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	socket := flag.String("socket", "", "path of the Unix socket to listen on")
	flag.Parse()
	if err := run(*socket); err != nil {
		fmt.Fprintln(os.Stderr, "redis:", err)
		os.Exit(1)
	}
}

func run(socket string) error {
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, os.Interrupt, syscall.SIGTERM)
	// It may have been killed.
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	server := miniredis.NewMiniRedis()
	defer server.Close()
	failed := make(chan error, 1)
	go func() { failed <- serve(listener, server) }()
	// What it holds gets no older unless it is told so.
	const tick = time.Second
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			server.FastForward(tick)
		case err := <-failed:
			return err
		case <-ends:
			return nil
		}
	}
}

// serve hands each connection to the server, which by itself listens on TCP.
func serve(listener net.Listener, server *miniredis.Miniredis) error {
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		conn, err := server.Dial()
		if err != nil {
			client.Close()
			return err
		}
		go carry(client, conn)
		go carry(conn, client)
	}
}

// carry carries bytes one way and closes both sides when either is done.
func carry(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	to.Close()
	from.Close()
}
