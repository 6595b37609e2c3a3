package supervise

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const pod = "10.244.0.7:8080"

// startEgress serves a proxy with one route, to a server that sends back what
// it gets, and returns the path of its socket.
func startEgress(t *testing.T) (*egress, string) {
	t.Helper()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { echo.Close() })
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	socket := filepath.Join(t.TempDir(), "egress")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	e := newEgress()
	e.setRoutes(Routes{pod: echo.Addr().String()})
	go func() { _ = e.serve(t.Context(), l) }()
	return e, socket
}

// connect asks the proxy for a connection; the reader has what follows the
// answer.
func connect(t *testing.T, socket, method, address string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, method+" "+address+" HTTP/1.1\r\nHost: "+address+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return conn, reader, resp
}

// roundTrip sends text, and returns what comes back before the end.
func roundTrip(t *testing.T, conn net.Conn, reader *bufio.Reader, text string) string {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.UnixConn).CloseWrite()
	got, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestEgressCarriesBothWays(t *testing.T) {
	e, socket := startEgress(t)
	for _, address := range []string{pod, e.routes[pod]} {
		conn, reader, resp := connect(t, socket, http.MethodConnect, address)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", address, resp.StatusCode)
		}
		if got := roundTrip(t, conn, reader, "hello"); got != "hello" {
			t.Errorf("%s: got %q back, want %q", address, got, "hello")
		}
	}
}

func TestEgressRefuses(t *testing.T) {
	tests := []struct {
		name, method, address string
		faults                Faults
		status                int
		text                  string
	}{
		{"no route", http.MethodConnect, "10.244.0.8:8080", nil, http.StatusBadGateway, "no process stands for this address"},
		{"no way out", http.MethodConnect, "192.0.2.1:443", nil, http.StatusBadGateway, "no process stands for this address"},
		{"no port", http.MethodConnect, "10.244.0.8", nil, http.StatusBadGateway, "missing port"},
		{"fault", http.MethodConnect, pod, Faults{pod: {Refuse: true}}, http.StatusBadGateway, "injected fault"},
		{"no proxy for requests", http.MethodGet, "/x", nil, http.StatusMethodNotAllowed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, socket := startEgress(t)
			e.setFaults(tt.faults)
			_, _, resp := connect(t, socket, tt.method, tt.address)
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || !strings.Contains(string(text), tt.text) {
				t.Errorf("got %d %q, want %d and %q", resp.StatusCode, text, tt.status, tt.text)
			}
		})
	}
}

func TestEgressDelays(t *testing.T) {
	e, socket := startEgress(t)
	const delay = 150 * time.Millisecond
	e.setFaults(Faults{pod: {Delay: delay}})
	begin := time.Now()
	conn, reader, _ := connect(t, socket, http.MethodConnect, pod)
	if took := time.Since(begin); took < delay {
		t.Errorf("connected after %v, want at least %v", took, delay)
	}
	if got := roundTrip(t, conn, reader, "late"); got != "late" {
		t.Errorf("got %q", got)
	}
}

func TestEgressCuts(t *testing.T) {
	e, socket := startEgress(t)
	e.setFaults(Faults{pod: {Cut: true, CutAfter: 3}})
	conn, reader, _ := connect(t, socket, http.MethodConnect, pod)
	if got := roundTrip(t, conn, reader, "hello"); got != "hel" {
		t.Errorf("got %q before the cut, want %q", got, "hel")
	}
}

func TestEgressCutsWhatIsOpen(t *testing.T) {
	e, socket := startEgress(t)
	conn, reader, _ := connect(t, socket, http.MethodConnect, pod)
	if _, err := io.WriteString(conn, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.ReadByte(); err != nil {
		t.Fatal(err)
	}
	e.setFaults(Faults{pod: {Cut: true}})
	if _, err := reader.ReadByte(); err != io.EOF {
		t.Errorf("read after the cut: %v, want EOF", err)
	}
	e.setFaults(nil)
	conn, reader, _ = connect(t, socket, http.MethodConnect, pod)
	if got := roundTrip(t, conn, reader, "again"); got != "again" {
		t.Errorf("got %q once the fault was gone", got)
	}
}

func TestEgressForgetsClosedConnections(t *testing.T) {
	e, socket := startEgress(t)
	conn, reader, _ := connect(t, socket, http.MethodConnect, pod)
	roundTrip(t, conn, reader, "x")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	eventually(ctx, t, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.open) == 0
	})
}

// eventually waits for a condition.
func eventually(ctx context.Context, t *testing.T, met func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the condition was not met in time")
		}
	}
}
