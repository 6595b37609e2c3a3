package kube_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/internal/kube"
)

const (
	everywhere = "/apis/argoproj.io/v1alpha1/applications"
	inArgocd   = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
)

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	data, _ := json.Marshal(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason})
	_, _ = w.Write(data)
}

// The list is read in pages, and in one namespace where all of them are too many.
func TestApplications(t *testing.T) {
	var asked []string
	k := connect(t, func(w http.ResponseWriter, r *http.Request) {
		next := r.URL.Query().Get("continue")
		asked = append(asked, r.Method+" "+r.URL.Path+" "+next)
		if r.URL.Path == everywhere {
			refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden)
			return
		}
		fmt.Fprintf(w, "page%s", next)
	})
	var pages []string
	err := k.Applications(t.Context(), "argocd", func(data []byte) (string, error) {
		pages = append(pages, string(data))
		if len(pages) == 1 {
			return "2", nil
		}
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"GET " + everywhere + " ", "GET " + inArgocd + " ", "GET " + inArgocd + " 2"}
	if d := cmp.Diff(want, asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"page", "page2"}, pages); d != "" {
		t.Errorf("pages (-want +got):\n%s", d)
	}
}

func TestApplicationsNotToBeSeen(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   int
		reason metav1.StatusReason
		absent bool
	}{
		{"no Argo CD", http.StatusNotFound, metav1.StatusReasonNotFound, true},
		{"not allowed", http.StatusForbidden, metav1.StatusReasonForbidden, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := connect(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, c.code, c.reason) })
			err := k.Applications(t.Context(), "argocd", func([]byte) (string, error) { t.Error("a page"); return "", nil })
			var no *kube.NoApplicationsError
			if !errors.As(err, &no) || no.Absent != c.absent || !no.Unavailable() || no.Hint() == "" {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestApplicationsOfADeadCluster(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close() // nobody listens there any more
	k := load(t, server.URL)
	err := k.Applications(t.Context(), "argocd", func([]byte) (string, error) { return "", nil })
	var dead *kube.UnansweredError
	if !errors.As(err, &dead) {
		t.Errorf("error %v", err)
	}
}
