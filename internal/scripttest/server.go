package scripttest

import (
	"net/http"
	"net/http/httptest"

	"github.com/rogpeppe/go-internal/testscript"
)

// server hands out a certificate.
type server struct {
	hanging chan struct{} // gets a value when somebody asks for what never comes
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "serve VAR FILE")
	data := []byte(ts.ReadFile(args[1]))
	s := &server{hanging: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cert", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	mux.HandleFunc("GET /hang", func(_ http.ResponseWriter, r *http.Request) {
		s.hanging <- struct{}{}
		<-r.Context().Done()
	})
	h := httptest.NewServer(mux)
	ts.Defer(h.Close)
	of(ts).server = s
	ts.Setenv(args[0], h.URL)
}
