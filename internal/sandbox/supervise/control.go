package supervise

import (
	"encoding/json"
	"errors"
	"net/http"
)

// The paths that the control socket serves; each takes and gives JSON.
const (
	pathStatus  = "/status"
	pathStart   = "/start"
	pathStop    = "/stop"
	pathRestart = "/restart"
	pathRoutes  = "/routes"
	pathFaults  = "/faults"
)

// command asks the supervisor's own goroutine to do something: it alone
// starts and ends processes.
type command struct {
	do    func() error
	reply chan error
}

// control serves the control socket.
func (s *supervisor) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathStatus, func(w http.ResponseWriter, _ *http.Request) {
		var status Status
		s.answer(w, s.ask(func() error { status = s.status(); return nil }), &status)
	})
	for path, each := range map[string]func(*proc) error{
		pathStart: s.start, pathStop: s.stop, pathRestart: s.restart,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var names []string
			if !decode(w, r, &names) {
				return
			}
			s.answer(w, s.ask(func() error { return s.each(names, each) }), nil)
		})
	}
	mux.HandleFunc("PUT "+pathRoutes, func(w http.ResponseWriter, r *http.Request) {
		var routes Routes
		if decode(w, r, &routes) {
			s.egress.setRoutes(routes)
		}
	})
	mux.HandleFunc("PUT "+pathFaults, func(w http.ResponseWriter, r *http.Request) {
		var faults Faults
		if decode(w, r, &faults) {
			s.egress.setFaults(faults)
		}
	})
	return mux
}

// ask runs f on the supervisor's own goroutine.
func (s *supervisor) ask(f func() error) error {
	c := command{do: f, reply: make(chan error, 1)}
	select {
	case s.commands <- c:
	case <-s.ended:
		return errEnding
	}
	select {
	case err := <-c.reply:
		return err
	case <-s.ended:
		return errEnding
	}
}

func (s *supervisor) answer(w http.ResponseWriter, err error, v any) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if v != nil {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
}

func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// errEnding is the answer to a command that comes too late.
var errEnding = errors.New("the supervisor is ending")
