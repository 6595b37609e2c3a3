package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
)

// Client talks to a supervisor through its control socket.
type Client struct {
	// Socket is the path of the control socket.
	Socket string
}

// Status asks for the current status.
func (c Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.do(ctx, http.MethodGet, pathStatus, nil, &s)
	return s, err
}

// Start starts the named processes in this order; those that run are left.
func (c Client) Start(ctx context.Context, names ...string) error {
	return c.do(ctx, http.MethodPost, pathStart, names, nil)
}

// Stop ends the named processes in this order and waits for their end.
func (c Client) Stop(ctx context.Context, names ...string) error {
	return c.do(ctx, http.MethodPost, pathStop, names, nil)
}

// Restart ends and starts the named processes, one after the other.
func (c Client) Restart(ctx context.Context, names ...string) error {
	return c.do(ctx, http.MethodPost, pathRestart, names, nil)
}

// SetRoutes replaces the routes of the egress proxy.
func (c Client) SetRoutes(ctx context.Context, r Routes) error {
	return c.do(ctx, http.MethodPut, pathRoutes, r, nil)
}

// SetFaults replaces the faults of the egress proxy.
func (c Client) SetFaults(ctx context.Context, f Faults) error {
	return c.do(ctx, http.MethodPut, pathFaults, f, nil)
}

func (c Client) do(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	var dialer net.Dialer
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", c.Socket)
		},
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		return errors.New(strings.TrimSpace(string(text)))
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
