// Package secret finds credentials: by their own shape, or by the words that
// stand before them. The guards package imports it; it decides nothing.
//
// Shapes are keys with a provider's prefix (rules_*.go), JSON Web Tokens, private
// keys, bot tokens and URLs with a user and a password. The words (words.go,
// sight.go) are names such as api_key, sentences such as "my key is …", commands
// and headers; with a provider's name beside them (providers.go) the value must
// have the form of that provider's keys, without it it must look random. After
// a word for passwords it may be short. Rules tells all of it as data, from which
// a page is written: docs/reference/guards.md.
//
// Types are secret.<provider>, where the identifier of a rule begins with the
// provider, and secret.jwt, secret.private_key, secret.url, secret.bearer,
// secret.basic, secret.password and secret.generic. The span is the credential,
// without the name, scheme or host around it. As soon as the first bytes prove a
// credential, all that follows in its alphabet belongs to it, however long it is.
// A checksum that is right raises the confidence; none is asked for.
//
// A value that words announce is judged from where it begins, reading backward, so
// that nothing waits for what comes behind a word. Only a random run of 16 bytes
// and more with a digit among the first 16 waits for the words behind it (told.go):
// "… is our deploy token" names it too.
//
// Placeholders stay clean: text that says it is an example, masked or repeated
// characters, alphabets and counts, too few different characters, templates and
// variables. So do digests, UUIDs and the ids of calls and messages, unless a
// provider's name stands before a UUID that is its key. What is public by design
// stays clean as well: the keys in Sentry's URLs, Stripe's pk_…, fingerprints.
//
// A password of letters alone (letters.go) counts where no language puts such
// letters side by side, or where it is words glued together, long and without the
// endings of long words. Options of commands (command.go) carry passwords that
// may look like anything.
//
// What it does not find: credentials without a prefix or a word near them;
// passwords that are one word or that have blanks; keys that were split, encoded or written
// backwards on purpose; a key glued to a letter or digit before it. No key is
// tried against its provider.
package secret
