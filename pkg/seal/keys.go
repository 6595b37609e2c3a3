package seal

import (
	"context"
	"time"

	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// KeyState is how one plaintext value stands to what is committed.
type KeyState struct {
	Namespace, Name, Key string
	State                report.Action // Sealed, Changed or NotSealed
	Unproven             bool          // sealed, and this machine cannot tell whether it is this value
	Since                time.Time     // when this machine first sealed this value; zero when it does not know
}

// Keys says of every plaintext value of an application whether the committed file has
// it. It needs neither certificate nor cluster.
func Keys(ctx context.Context, r *repo.Repository, app repo.Application, ledger *Ledger) ([]KeyState, error) {
	l := loader{repo: r, plaintext: true, lenient: true}
	loaded, err := l.load(ctx, []repo.Application{app})
	if err != nil {
		return nil, err
	}
	a := &loaded[0]
	var out []KeyState
	for i := range a.secrets {
		s := &a.secrets[i]
		_, o := a.find(s.Namespace, s.Name)
		id := identity{namespace: s.Namespace, name: s.Name, scope: scopeOf(s.Annotations)}
		record := ledger.lookup(app.Name, id)
		for _, it := range s.Items {
			k := KeyState{Namespace: s.Namespace, Name: s.Name, Key: it.Key, State: report.NotSealed}
			if o != nil && o.Item(it.Key) != nil {
				have, known := record.Items[it.Key]
				switch {
				case !known || have.Ciphertext != ciphertextHash(o.Item(it.Key).Ciphertext):
					k.State, k.Unproven = report.Sealed, true
				case have.HMAC != ledger.hmac(id, string(s.Type), it.Key, it.Value):
					k.State = report.Changed
				default:
					k.State, k.Since = report.Sealed, have.Since
				}
			}
			out = append(out, k)
		}
	}
	return out, nil
}
