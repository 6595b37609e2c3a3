package generate

import "context"

// Note writes the journal as Apply does before it writes several files.
func (p *Plan) Note(ctx context.Context) error { return p.note(ctx, 2) }
