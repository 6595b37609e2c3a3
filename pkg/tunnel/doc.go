// Package tunnel forwards connections to a Service of a cluster, from the first
// one to the last: a Pod that goes, a server that restarts, a connection to the
// API server that is cut do not end a tunnel. It is for programs that speak to
// something inside a cluster, and for people who open it in a browser.
//
// Open chooses a Ready Pod behind the Service and connects to it through the API
// server's portforward subresource, over WebSocket, or over SPDY where the server
// refuses that. Tunnel.Dial gives connections in process, without a port, fit for
// http.Transport and gRPC; Tunnel.Serve takes them on a local port. With is Open
// and Close around a function.
//
// Each connection has a session of its own, so that one that is not read does not
// stop the others; a few that are free are kept. The first session shows how the
// tunnel is. When it is lost, a Pod is chosen anew, with back-off, while
// connections that come meanwhile wait (Options.Wait). When a single connection
// fails because nothing listens in the Pod, it is tried again (Options.Refused) as
// long as nothing of it has been delivered, and the others go on.
// A connection that has exchanged data and is cut is reset, so that nobody takes
// half an answer for a whole one.
//
// The permissions that it needs are get services, list pods and create
// pods/portforward. Forwarding is TCP only.
package tunnel
