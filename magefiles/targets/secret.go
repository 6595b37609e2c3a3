package targets

import "context"

// Set gives one key of a Secret a value: a piped one, one that is typed unseen, or a generated one.
func (Secrets) Set(ctx context.Context, app, secret, key string,
	generate *bool, // make the value by the contract's rule, in place of reading one
	keepNewline *bool, // of a piped value keep the line end, too
	New *bool, // make a key that neither the file nor the contract has
	dryRun *bool, // show what would change and write nothing
	json *bool, // print the result as JSON
) error {
	return run(ctx, "secrets:set", arguments{app: []string{app}, words: []string{secret, key}, json: json}, func(ctx context.Context, s *session) error {
		return s.set(ctx, setArguments{app, secret, key, is(generate), is(keepNewline), is(New), is(dryRun)})
	})
}

// Edit opens a Secret in VISUAL or EDITOR with its values hidden; a line left as it is keeps its value.
func (Secrets) Edit(ctx context.Context, app, secret string,
	plain *bool, // show the values
	disk *bool, // let the text lie on the disk where there is no file system in memory
	json *bool, // print the result as JSON
) error {
	return run(ctx, "secrets:edit", arguments{app: []string{app}, words: []string{secret}, json: json}, func(ctx context.Context, s *session) error {
		return s.edit(ctx, app, secret, is(plain), is(disk))
	})
}

// Show lists the keys of an application's Secrets: where each value comes from, its length, its age, and whether it is sealed.
func (Secrets) Show(ctx context.Context, app string,
	secret *string, // this one alone
	reveal *string, // print the value of this key and nothing else, on a terminal
	force *bool, // reveal it even where stdout is no terminal
	json *bool, // print the result as JSON
) error {
	a := arguments{app: []string{app}, json: json, text: map[string]*string{"secret": secret, "reveal": reveal}}
	return run(ctx, "secrets:show", a, func(ctx context.Context, s *session) error {
		return s.show(ctx, app, word(secret), word(reveal), is(force))
	})
}

// Rotate makes new values by their rules, for all generated keys of an application or for one, and says who has to restart.
func (Secrets) Rotate(ctx context.Context, app string,
	key *string, // this one alone: key, or secret/key
	dryRun *bool, // show what would change and write nothing
	json *bool, // print the result as JSON
) error {
	a := arguments{app: []string{app}, json: json, text: map[string]*string{"key": key}}
	return run(ctx, "secrets:rotate", a, func(ctx context.Context, s *session) error {
		return s.rotate(ctx, app, word(key), is(dryRun))
	})
}

// Import takes over the values of a Secret from the cluster, a manifest, a dotenv file or key=value lines; what is here stays.
func (Secrets) Import(ctx context.Context, app, secret string,
	from *string, // cluster, manifest, dotenv or literals (key=value lines); all but cluster read stdin
	name *string, // with cluster: NAMESPACE/NAME there, if it is another
	file *string, // read this file in place of stdin
	Type *string, // of a Secret that is not here yet; default Opaque
	force *bool, // replace values that are here
	New *bool, // make a Secret that nobody knows, though its name is nearly that of another
	dryRun *bool, // show what would change and write nothing
	json *bool, // print the result as JSON
) error {
	a := arguments{app: []string{app}, words: []string{secret}, json: json, text: map[string]*string{"from": from, "name": name, "file": file, "type": Type}}
	return run(ctx, "secrets:import", a, func(ctx context.Context, s *session) error {
		return s.importFrom(ctx, importArguments{app, secret, word(from), word(name), word(file), word(Type), is(force), is(dryRun), is(New)})
	})
}
